"""What a route asks of the bridge, and the HTTP error for what it cannot be given."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import HTTPException

from broker.bridge import Bridge
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.booking import BookingError
from broker.store import StoreError
from broker.web.desk import Desk

Answer = TypeVar("Answer")


def carried_out(desk: Desk, act: Act) -> dict[str, Any]:
    """The picture after the action; an HTTP error says why it was not done."""
    try:
        return desk.ask(act)
    except ActionError as why:
        raise HTTPException(404 if why.missing else 503 if why.away else 409, str(why)) from why
    except StoreError as why:
        raise HTTPException(507, str(why)) from why  # decided, and perhaps stored later
    except TimeoutError as why:
        raise HTTPException(504, "the bridge did not answer within 5 s; look again before you repeat it") from why


def looked_up(desk: Desk, question: Callable[[Bridge, int], Answer]) -> Answer:
    """The bridge's answer; an HTTP error says why there is none."""
    try:
        return desk.look_up(question)
    except BookingError as why:
        raise HTTPException(404 if why.missing else 409, str(why)) from why
    except TimeoutError as why:
        raise HTTPException(504, "the bridge did not answer within 5 s; ask again") from why
