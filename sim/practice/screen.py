"""The very screen over a morning in virtual time: the web server of the bridge, paced by this machine's clock."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any

from broker.config import BrokerConfig
from broker.rules.dispatch.actions import Act
from broker.web.desk import Desk
from broker.web.server import WebServer
from broker.web.view.last_picture import Pictures
from sim.live.people import move_in
from sim.practice.morning import Morning

TURN_S = 0.05
SHOWN_EVERY_S = 1.0


class Screen:
    """Its people are one click away; what they click is done in the second that is played."""

    def __init__(self, morning: Morning, folder: Path, port: int) -> None:
        self._morning = morning
        self._desk = Desk()
        self._pictures = Pictures(morning.bridge)
        self.token = move_in(folder / "people", morning.plan)  # of a dispatcher that is a program
        config = BrokerConfig.model_validate({
            "area": {"plan": "demo"}, "web": {"port": port}, "registers": {"folder": folder / "registers"},
            "people": {"folder": folder / "people", "one_click": True}, "playback": {"folder": folder / "playback"},
        })  # fmt: skip
        self._desk.show(self._pictures.newest(morning.now))
        self._web = WebServer(config, self._desk, morning.bridge.store, morning.plan, lambda: morning.now)
        self.address = config.web.model_copy(update={"port": self._web.port}).page("/")

    def run(self, speed: float, until_at: float, over: Callable[[], bool] = lambda: False) -> None:
        """Serve and play, so many times as fast as life, up to a second or until it is `over`."""
        self._web.start()
        began, began_at, shown = time.monotonic(), self._morning.now, float("-inf")
        try:
            while self._morning.now < until_at and not over():
                goal = min(until_at, began_at + (time.monotonic() - began) * speed)
                while self._morning.now + 1 <= goal:
                    self._morning.step()
                    if not self._desk.box.empty():
                        break  # it is done in the second in which it was clicked
                acted = self._answer()
                self._desk.turned(0.0)
                if acted or time.monotonic() - shown >= SHOWN_EVERY_S:
                    shown = time.monotonic()
                    self._desk.show(self._pictures.newest(self._morning.now))
                time.sleep(TURN_S)
        finally:
            self._web.stop()

    def _answer(self) -> bool:
        """Do what was clicked and answer what was asked; whether anything was done."""
        done = False
        while (asked := _next(self._desk.box)) is not None:
            act, answer = asked
            done |= self._one(act, answer)
        while (asked := _next(self._desk.questions)) is not None:
            question, answer = asked
            _settle(answer, partial(question, self._morning.bridge, int(self._morning.now)))
        return done

    def _one(self, act: Act, answer: "Future[dict[str, Any]]") -> bool:
        def deed() -> dict[str, Any]:
            self._morning.do(act)
            return self._pictures.newest(self._morning.now)

        return _settle(answer, deed)


def _next(waiting: Any) -> Any:
    try:
        return waiting.get_nowait()
    except Empty:
        return None


def _settle(answer: "Future[Any]", deed: Callable[[], Any]) -> bool:
    """Whether it was done; what it raises is handed to the thread that asked."""
    if not answer.set_running_or_notify_cancel():
        return False
    try:
        answer.set_result(deed())
    except Exception as why:  # noqa: BLE001  (of any kind: a refusal, a full disk, a fault)
        answer.set_exception(why)
        return False
    return True
