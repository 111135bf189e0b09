"""The desk between the bridge's loop and the web's threads: the newest picture, and a box for actions."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from broker.bridge import Bridge
from broker.ingest.measured import Measured, Spread
from broker.rules.dispatch.actions import Act

TURNS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OLD_S = 30.0  # a picture that is older says nothing of trucks that drive
Answer = TypeVar("Answer")
Question = Callable[[Bridge, int], Any]


class Accounts(Protocol):
    """The accounts at the bridge's own broker, as flood control closes them."""

    def closed(self) -> list[dict[str, Any]]:
        """Who is closed: device, family, limit, count, closed_s, opens_in_s."""
        ...

    def open(self, device: str, who: str) -> bool:
        """Let one in again at once; False where it is not closed."""
        ...


@dataclass(slots=True)
class Desk:
    """What the screen's threads see of the bridge: the newest picture, and a box for actions."""

    picture: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    shown_at: float = field(default_factory=time.monotonic)
    turned_at: float = field(default_factory=time.monotonic)  # when the bridge's loop was here last
    heartbeat_at: float | None = None  # when its heartbeat came back through the broker, as the loop knew it
    not_kept: str | None = None  # why what is shown is not kept for playback, while it is so
    accounts: Accounts | None = None  # None where the broker is another's: nobody can be thrown out of it
    not_streamed: str | None = None  # why no picture reaches the screens, while it is so
    measured: Measured = field(default_factory=Measured)  # the bridge's counts
    turns_s: Spread = field(default_factory=lambda: Spread(TURNS_S))  # how long its loop takes
    _turn_at: float = field(default_factory=time.monotonic)  # when it turned last: making a picture is part of a turn
    outside: Callable[[], list[dict[str, Any]]] = list  # how each receiver of messages to people outside stands
    city: Callable[[], dict[str, Any] | None] = lambda: None  # how the push to the city stands; None without one
    reports_trouble: Callable[[], str | None] = lambda: None  # why no report can be made, while it is so
    box: "queue.Queue[tuple[Act, Future[dict[str, Any]]]]" = field(default_factory=queue.Queue)
    questions: "queue.Queue[tuple[Question, Future[Any]]]" = field(default_factory=queue.Queue)

    def show(self, picture: dict[str, Any]) -> None:
        """Put up a new picture and wake whoever waits for one."""
        with self.changed:
            self.picture = picture
            self.shown_at = self.turned_at = time.monotonic()
            self.number += 1
            self.changed.notify_all()

    def turned(self, heartbeat_s: float | None) -> None:
        """The loop was here; its heartbeat came back so many seconds ago, None if it never did."""
        self.turned_at = time.monotonic()
        self.turns_s.add(self.turned_at - self._turn_at)
        self._turn_at = self.turned_at
        self.heartbeat_at = None if heartbeat_s is None else self.turned_at - heartbeat_s

    def ages(self) -> dict[str, float | None]:
        """How long ago the loop turned, the picture was put up and the heartbeat came back, in seconds."""
        now = time.monotonic()
        moments = {"loop_s": self.turned_at, "picture_s": self.shown_at, "heartbeat_s": self.heartbeat_at}
        return {name: None if at is None else round(now - at, 1) for name, at in moments.items()}

    def old_since_at(self) -> int | None:
        """Of when what is shown of trucks and rooms is, where no newer picture can be made or none was put up lately;
        None while it is of now."""
        since_at: int | None = self.picture["old_since_at"]
        if since_at is None and time.monotonic() - self.shown_at > OLD_S:
            since_at = int(self.picture["at"])
        return since_at

    def away_since_at(self) -> int | None:
        """Since when no device is heard, because the way to the broker is gone; None while they are, and for the moment
        in which a broker is started again."""
        link, limits = self.picture["link"], self.picture["limits"]
        lost = not link["up"] and self.picture["at"] - link["since_at"] > limits["link_lost_s"]
        return int(link["since_at"]) if lost else None

    def wait(self, after: int, timeout_s: float, over: threading.Event) -> int:
        """The number of the newest picture, once it is not `after`, or when the time is over or there was a `wake`."""
        with self.changed:
            self.changed.wait_for(lambda: self.number != after or over.is_set(), timeout_s)
            return self.number

    def wake(self) -> None:
        """Have whoever waits see at once that it is over."""
        with self.changed:
            self.changed.notify_all()

    def look_up(self, question: Callable[[Bridge, int], Answer], timeout_s: float = 5.0) -> Answer:
        """What the bridge's loop answers to a question that changes nothing, put to the bridge and the time there."""
        answer: Future[Answer] = Future()
        self.questions.put((question, answer))
        return answer.result(timeout_s)

    def ask(self, act: Act, timeout_s: float = 5.0) -> dict[str, Any]:
        """Have the bridge carry out an action; the picture after it. Raises what the bridge raised, or TimeoutError."""
        answer: Future[dict[str, Any]] = Future()
        self.box.put((act, answer))
        return answer.result(timeout_s)
