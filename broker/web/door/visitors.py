"""Who makes a request, as a route asks for them, and from what a register raises to an answer."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData

from broker.people.roles import Reach, Visitor
from broker.registers.errors import (
    Busy,
    Conflict,
    EditedOutside,
    Invalid,
    NoRegister,
    NotFound,
    Problem,
    RegisterError,
)
from broker.web.languages import language_of_answer
from broker.web.problems import Refusal, problem

MAX_FORM_FIELDS = 200

STATUS: tuple[tuple[type[RegisterError], int], ...] = (
    (Invalid, 422), (Conflict, 409), (EditedOutside, 409), (NotFound, 404), (NoRegister, 404), (Busy, 503),
)


def status_of(error: RegisterError) -> int:
    """The HTTP status of an error; damage is 503: a person must look before anything goes on."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 503)


def more_of(error: RegisterError) -> dict[str, Any]:
    """What the API says of an error beside its text."""
    more: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, Invalid):
        more["problems"] = [found.as_json() for found in error.problems]
    if isinstance(error, Conflict):
        more |= {
            "etag": error.current_etag, "version": error.current_version,
            "their_changes": [change.as_json() for change in error.their_changes],
            "my_changes": [change.as_json() for change in error.my_changes],
            "theirs": error.theirs, "mine": error.mine,
        }
    return more


class RegisterRoute(APIRoute):
    """Turns what a register raises into an answer, for API and pages alike."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with that wrapped around it."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                answer = await inner(request)
            except RegisterError as error:
                answer = self.refuse(request, error)
            except RecursionError:
                answer = self.refuse(request, Invalid([Problem("", "json", {"message": "nested too deep"})]))
            return answer

        return handle

    def refuse(self, request: Request, error: RegisterError) -> Response:
        """The answer to an error; pages say it in HTML instead."""
        if isinstance(error, Invalid):
            text = error.told(language_of_answer(request))
            return problem(request, status_of(error), text, said=True, **more_of(error))
        return problem(request, status_of(error), str(error), **more_of(error))


def visitor_of(request: Request) -> Visitor:
    """Who asks, as the door has let them in."""
    visitor: Visitor = request.state.visitor
    return visitor


def within(
    request: Request, *, estate: str | None = None, truck: str | None = None, contractor: str | None = None
) -> None:
    """Refuses what the visitor's roles do not reach: a deed about another's estate, truck or firm."""
    reach: Reach = request.state.reach
    if not reach.holds(estate=estate, truck=truck, contractor=contractor):
        named = {"estate": estate, "truck": truck, "contractor": contractor}
        places = ", ".join(f"{kind} {name}" for kind, name in named.items() if name)
        raise Refusal(403, f"{visitor_of(request).name} does not speak for {places or 'this'}")


async def form_of(request: Request) -> FormData:
    """The fields of a posted form."""
    return await request.form(max_fields=MAX_FORM_FIELDS, max_files=1)


FormFields = Annotated[FormData, Depends(form_of)]
