"""Who looks after the embedded broker: it is started again when it dies, and killed when it only seems to live."""

import logging
import threading
import time
from collections.abc import Callable

from broker.mqtt.own_broker.child import NOTED_S, BrokerChild, EmbeddedBrokerError

log = logging.getLogger("zhanpai.embedded")

LOOK_S = 0.2
AGAIN_FIRST_S, AGAIN_MOST_S = 0.5, 30.0
HELD_S = 60.0  # a broker that ran this long is started again at once
FROZEN_S = 45.0  # without a word to the bridge, its refusals counted: longer than any pause of a busy machine
FILES_S = 5.0  # between two looks at its files
PAUSED_S = 5.0  # between two looks


class Caretaker:
    """Keeps `broker`, which is started, running until `stop`; `heard_at`: when (monotonic) it said anything last."""

    def __init__(self, broker: BrokerChild, heard_at: Callable[[], float]) -> None:
        self._broker = broker
        self._heard_at = heard_at
        self._started_at = time.monotonic()
        self._wait_s = AGAIN_FIRST_S
        self._files_at = time.monotonic()
        self._trouble = ""  # why it does not run, while it does not
        self._events: list[tuple[float, str]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedded broker", daemon=True)

    def start(self) -> None:
        """Look after it from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End the broker, in order."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._broker.stop()

    def notes(self) -> list[str]:
        """What a person should know of the broker now, the newest last."""
        recent = [text for at, text in list(self._events) if time.monotonic() - at < NOTED_S]
        return [*dict.fromkeys([*self._broker.notes, *recent, *([self._trouble] if self._trouble else [])])]

    def _run(self) -> None:
        looked_at = time.monotonic()
        while not self._stopping.wait(LOOK_S):
            now, before = time.monotonic(), looked_at
            looked_at = now
            if now - before > PAUSED_S and not self._trouble:
                self._started_at = now  # we were stopped ourselves: nobody could have heard it
            try:
                self._look(now)
            except Exception as why:  # noqa: BLE001  (whatever it is, somebody must look the next time)
                if str(why) != self._trouble:
                    log.error("the embedded broker cannot be looked after: %s; trying again", why)
                self._trouble = str(why) or repr(why)
            else:
                self._trouble = ""

    def _look(self, now: float) -> None:
        if not self._broker.running:
            self._begin_again(f"the embedded broker ended ({self._broker.ended()}); it said: {self._broker.said()}")
        elif now - max(self._heard_at(), self._started_at) > FROZEN_S:
            self._broker.kill()
            self._begin_again(f"the embedded broker said nothing for {FROZEN_S:.0f} s and was killed")
        elif self._broker.choked:
            why = self._broker.choked
            self._broker.kill()  # in order it would write down all that fills it
            self._begin_again(f"the embedded broker {why} and was killed")
        self._broker.look_at_revoked()
        self._broker.keep_log_small()
        if now - self._files_at >= FILES_S:
            self._files_at = now
            self._broker.keep_files()

    def _begin_again(self, why: str) -> None:
        """Start it, at once or after a wait that grows with each failure; until it runs this does not return."""
        if time.monotonic() - self._started_at > HELD_S:
            self._wait_s = AGAIN_FIRST_S
        log.warning("%s", why)
        self._trouble = why
        while not self._stopping.wait(self._wait_s):
            self._wait_s = min(AGAIN_MOST_S, self._wait_s * 2)
            try:
                self._broker.start()
            except (EmbeddedBrokerError, OSError) as failed:
                if str(failed) != self._trouble:
                    log.error("%s; trying again", failed)
                self._trouble = str(failed)
            else:
                self._started_at = time.monotonic()
                self._events = [*self._events[-4:], (self._started_at, f"{why}; it was started again")]
                self._trouble = ""
                log.warning("the embedded broker runs again")
                return
