"""The thread of one receiver: it takes what waits in the outbox, tries, and says how it stands.

Nobody waits for it: a receiver that is slow or dead costs this thread's time and nothing else.
"""

import logging
import threading
import time

from broker.feeds.outside.outbox import Outbox
from broker.feeds.outside.tries import Tries
from broker.feeds.outside.webhook import Outcome, Sink

log = logging.getLogger("zhanpai.outside")

LOOK_S = 0.5
END_S = 0.5  # so long a try that is under way may still end well
MANY, MANY_LOOK_S = 500, 10.0  # a long list is not read all the time
SWEEP_S = 60.0
DAY_S = 86_400


class Sender:
    """Delivers to one receiver until it is stopped."""

    def __init__(self, name: str, outbox: Outbox, sink: Sink, keep_days: int) -> None:
        self.name, self.outbox, self._sink, self._keep_s = name, outbox, sink, keep_days * DAY_S
        self.delivered = 0
        self.why = ""  # of the last try, while none succeeds
        self.since: int | None = None  # when that began
        self._tries = Tries()
        self._done: set[str] = set()  # delivered, and its file could not be removed yet
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"outside-{name}", daemon=True)

    def start(self) -> None:
        """Begin; what waits from before is tried at once, and why an earlier bridge could not is no more said."""
        self._say()
        self._thread.start()

    def end(self) -> None:
        """Begin no further try."""
        self._stop.set()

    def stop(self) -> None:
        """End, soon; a try that is under way is not waited for: what it brings waits on, with the same id."""
        self.end()
        self._thread.join(END_S)

    def state(self) -> dict[str, object]:
        """How it stands, without where it goes."""
        return {
            "name": self.name, "waiting": len(self._tries.waiting), "dead": len(self.outbox.dead()),
            "delivered": self.delivered, "ended": self.outbox.ended(), "failing_since_at": self.since, "why": self.why,
        }  # fmt: skip

    def _run(self) -> None:
        swept_at = float("-inf")
        while not self._stop.is_set():
            try:
                if time.monotonic() - swept_at >= SWEEP_S:
                    swept_at = time.monotonic()
                    self._sweep()
                self._look()
            except Exception:
                log.exception("%s: the sender failed; it goes on in a minute", self.name)
                self._stop.wait(SWEEP_S)
            self._stop.wait(LOOK_S if len(self._tries.waiting) < MANY else MANY_LOOK_S)

    def _sweep(self) -> None:
        given_up = self.outbox.sweep(time.time(), self._keep_s)
        if given_up:
            log.warning("%s: %d messages were given up: too old or too many", self.name, given_up)

    def _look(self) -> None:
        """Deliver what can be delivered now."""
        if self.outbox.take_again():
            self._tries.at_once()
        names = self.outbox.names()
        for done in self._done & set(names):
            self.outbox.delivered(done)
        self._done &= set(names)
        self._tries.know(name for name in names if name not in self._done)
        while not self._stop.is_set():
            name = self._tries.next(time.monotonic())
            if name is None:
                return
            message = self.outbox.read(name)
            if message is None:
                self._tries.settled(name)
                continue
            self._settle(name, self._sink.deliver(message))
            if self.outbox.ended():
                return

    def _settle(self, name: str, outcome: Outcome) -> None:
        now = time.monotonic()
        if outcome.what == "delivered":
            self.delivered += 1
            self._done.add(name)
            self._tries.delivered(name)
            self._now_is("")
            self.outbox.delivered(name)
            self._done.discard(name)
            return
        self._now_is(outcome.why)
        if outcome.what == "ended":
            self.outbox.end()
            self._tries.know(())
        elif outcome.what == "refused":
            self._tries.refused(name, now)
        else:
            self._tries.in_vain(name, now, outcome.wait_s)

    def _now_is(self, why: str) -> None:
        """Say a change, in the log and beside the outbox, and not the same again and again."""
        if why == self.why:
            return
        if why:
            self.since = self.since or int(time.time())
            log.warning("%s: not delivered: %s", self.name, why)
        else:
            self.since = None
            log.info("%s: delivered again", self.name)
        self.why = why
        self._say()

    def _say(self) -> None:
        self.outbox.say({"failing_since_at": self.since, "why": self.why})
