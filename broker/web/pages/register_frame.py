"""What every page of the registers shares: the templates, the language, the visitor, and how an error looks."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broker.people.errors import Denied, PeopleError
from broker.people.roles import Roles, Visitor
from broker.registers.errors import Conflict, Invalid, RegisterError
from broker.registers.kept.differences import in_words
from broker.registers.words import CODES, REFUSALS_ZH, field_word, value_word
from broker.web.visitors import COOKIE, RegisterRoute, status_of

LANG_COOKIE = "zhanpai_lang"
POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'"
)

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)
TEMPLATES.globals["codes"] = CODES


class PageRoute(RegisterRoute):
    """Like the API's route, but an error is a page; without a login the login form is shown."""

    def refuse(self, request: Request, error: RegisterError | PeopleError) -> Response:
        """The error as a page."""
        if isinstance(error, Denied) and request.method == "GET" and request.url.path != "/registers/login":
            return RedirectResponse("/registers/login?" + urlencode({"why": str(error)}), 303)
        context = language_of(request) | {"visitor": None, "form_key": ""}
        lang = context["lang"]
        shown: dict[str, Any] = {"told": [*refusal(error, lang), str(error)], "theirs": [], "mine": []}
        if isinstance(error, Invalid):
            shown["told"] = error.told(lang).splitlines()
        if isinstance(error, Conflict):
            shown["theirs"] = [in_words(change, lang) for change in error.their_changes]
            shown["mine"] = [in_words(change, lang) for change in error.my_changes]
        return page(request, "refused.html", context, status=status_of(error), **shown)


def refusal(error: RegisterError | PeopleError, lang: str) -> list[str]:
    """The Chinese sentence of a refusal; the error's own text is English."""
    sentence = REFUSALS_ZH.get(type(error).__name__)
    return [sentence] if lang == "zh" and sentence else []


def base_context(request: Request, roles: Roles, visitor: Visitor) -> dict[str, Any]:
    """Language, visitor and the key that this session's forms carry."""
    form_key = roles.form_key(request.cookies.get(COOKIE, "")) if visitor.may_write() else ""
    return language_of(request) | {"visitor": visitor, "form_key": form_key}


def page(request: Request, template: str, context: dict[str, Any], status: int = 200, **more: Any) -> HTMLResponse:
    """A rendered page; it may load nothing but its own style sheet."""
    text = TEMPLATES.get_template(template).render(**context, **more, path=request.url.path)
    answer = HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"})
    if request.query_params.get("lang") in ("zh", "en"):
        answer.set_cookie(LANG_COOKIE, context["lang"], samesite="strict", httponly=True)
    return answer


def language_of(request: Request) -> dict[str, Any]:
    """What a template needs to speak: the language, words for fields and codes, the switch to the other one."""
    wanted = request.query_params.get("lang") or request.cookies.get(LANG_COOKIE)
    if wanted not in ("zh", "en"):
        wanted = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"
    lang: Literal["en", "zh"] = "zh" if wanted == "zh" else "en"
    other = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]

    def t(en: str, zh: str) -> str:
        return zh if lang == "zh" else en

    def word(field: str, code: Any) -> str:
        return "–" if code is None else value_word(field, str(code), lang)

    def label(field: str) -> str:
        return field_word(field.rsplit(".", 1)[-1], lang)

    def moment(at: int, zone: Any) -> str:
        return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M")

    return {
        "lang": lang, "t": t, "word": word, "label": label, "moment": moment,
        "switch": "?" + urlencode([*other, ("lang", "en" if lang == "zh" else "zh")]),
        "tell": lambda change: in_words(change, lang),
    }
