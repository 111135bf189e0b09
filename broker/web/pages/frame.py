"""What every page shares: the templates, the language, the visitor, and how an error looks."""

import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from broker.people.errors import PeopleError
from broker.people.roles import Visitor
from broker.registers.errors import Conflict, Invalid, RegisterError
from broker.registers.kept.differences import in_words
from broker.registers.words import field_word, figure_word, value_word
from broker.web.door.visitors import RegisterRoute, status_of
from broker.web.languages import LANG_COOKIE, language_of
from broker.web.pages.rendering import WORDS, rendered
from broker.web.pages.ways import is_of_city, ways_of
from broker.web.sentences import kind_of, sentence
from broker.words import LANGUAGES, filled

POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'"
)


class PageRoute(RegisterRoute):
    """Like the API's route, but an error is a page."""

    def refuse(self, request: Request, error: RegisterError) -> Response:
        """The error as a page."""
        context = base_context(request, request.state.visitor)
        lang = context["lang"]
        shown: dict[str, Any] = {"told": refusal(error, lang), "theirs": [], "mine": []}
        if isinstance(error, Invalid):
            shown["told"] = error.told(lang).splitlines()
        if isinstance(error, Conflict):
            shown["theirs"] = [in_words(change, lang) for change in error.their_changes]
            shown["mine"] = [in_words(change, lang) for change in error.my_changes]
        return page(request, "refused.html", context, status=status_of(error), **shown)


def refusal(error: RegisterError | PeopleError, lang: str) -> list[str]:
    """What is told of an error: a sentence of its kind where the language has one, and the error's own."""
    texts = WORDS.groups(lang)["refusal"]
    told, own = texts.get(type(error).__name__, texts["other"]), sentence(str(error), lang)
    lines = [filled(line, {"error": own}) for line in told.splitlines() if own is not None or "{error}" not in line]
    return lines or [kind_of(None, lang)]


def base_context(request: Request, visitor: Visitor | None) -> dict[str, Any]:
    """Language and visitor, and whether to offer what only registrars may."""
    may_write = visitor is not None and "registrar" in visitor.roles
    deed = secrets.token_urlsafe(12)  # a form sent twice, by a double click or a reload, does one thing

    return _language(request) | {
        "visitor": visitor, "may_write": may_write, "deed": deed, "ways": ways_of(visitor, of_city=is_of_city(request)),
    }  # fmt: skip


def page(request: Request, template: str, context: dict[str, Any], status: int = 200, **more: Any) -> HTMLResponse:
    """A rendered page; it may load nothing but its own style sheet."""
    template = template if "/" in template else f"registers/{template}"
    query = urlencode([item for item in request.query_params.multi_items() if item[0] != "lang"])
    here = f"{request.url.path}?{query}" if query else request.url.path
    text = rendered(template, **context, **more, path=request.url.path, here=here)
    answer = HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"})
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(LANG_COOKIE, context["lang"], samesite="strict")  # pages of modules read it too
    return answer


def _language(request: Request) -> dict[str, Any]:
    """What a template needs to speak: the language, words for fields and codes, the switch to the other one."""
    lang = language_of(request)
    other = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]

    def t(key: str, group: str = "text", **values: object) -> str:
        return WORDS.say(lang, group, key, **values)

    def word(field: str, code: Any) -> str:
        return "–" if code is None else value_word(field, str(code), lang)

    def label(field: str) -> str:
        return field_word(field.rsplit(".", 1)[-1], lang)

    def access_word(action: str) -> str:
        return WORDS.groups(lang)["access"].get(action, action)

    def moment(at: int, zone: Any) -> str:
        return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M")

    return {
        "lang": lang, "t": t, "word": word, "label": label, "moment": moment, "access_word": access_word,
        "figure_word": lambda figure: figure_word(figure, lang),
        "switch": "?" + urlencode([*other, ("lang", "en" if lang == "zh" else "zh")]),
        "tell": lambda change: in_words(change, lang),
    }
