"""How the API says no: problem details (RFC 9457), of one form wherever a refusal comes from."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from broker.people.errors import Changed, Damaged, Missing, NotAllowed, PeopleError, TooSoon, Unknown
from broker.web.languages import language_of_answer
from broker.web.sentences import WORDS, kind_of, sentence

MEDIA = "application/problem+json"
_FORM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "what kind of refusal it is, in the reader's language"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what to change"},
    },
}
_CONTENT: dict[str, Any] = {MEDIA: {"schema": _FORM}}
# What each route answers beside its own, as OpenAPI is told: of the application once, of a page's route again.
REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "It is not done, and why", "content": _CONTENT},
    "5XX": {"description": "It cannot be done now, and why", "content": _CONTENT},
}
PAGE_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "It is not shown, and why", "content": {**_CONTENT, "text/html": {}}}
}


_PEOPLE: tuple[tuple[type[PeopleError], int], ...] = (
    (Missing, 404), (NotAllowed, 403), (Changed, 409), (Unknown, 401), (TooSoon, 429), (Damaged, 503),
)  # fmt: skip


def people_status(why: PeopleError) -> int:
    """The HTTP status of what is raised about people."""
    return next((status for kind, status in _PEOPLE if isinstance(why, kind)), 422)


class Refusal(Exception):  # noqa: N818  (the name says what is so)
    """A request that goes no further; the text says what to change. Of a `page` it is told as one; `roles` may."""

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None, *, page: bool = False,
        roles: Iterable[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(text)
        self.status, self.headers, self.page, self.roles = status, headers, page, sorted(roles)


def problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, *, said: bool = False,
    **more: Any,
) -> JSONResponse:  # fmt: skip
    """The answer in the reader's language: which kind of refusal it is, and why, as far as that language has it.

    Where it is `said` the reason is in that language already.
    """
    language = language_of_answer(request)
    title = kind_of(status, language)
    told = detail if said else sentence(detail, language) or title
    body = {"type": "about:blank", "title": title, "status": status, "detail": told}
    return JSONResponse(body | more, status, {"Content-Language": language, **(headers or {})}, MEDIA)


async def refuse_http(request: Request, why: Exception) -> JSONResponse:
    """What a route itself refuses."""
    assert isinstance(why, HTTPException)
    return problem(request, why.status_code, str(why.detail), why.headers)


async def refuse_values(request: Request, why: Exception) -> JSONResponse:
    """The answer to values of a wrong kind: where and why, but not the values, which may be in no writable form."""
    assert isinstance(why, RequestValidationError)
    language = language_of_answer(request)
    other = WORDS.say(language, "said", "v_other")
    told = [{"loc": error["loc"], "msg": error["msg"], "type": error["type"]} for error in why.errors()]
    for row in told:
        row["msg"] = sentence(row["msg"], language) or other
    said = "; ".join(f"{'.'.join(str(part) for part in row['loc'][1:]) or 'body'}: {row['msg']}" for row in told)
    return problem(request, 422, said, said=True, errors=told)
