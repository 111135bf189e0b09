"""Messages to people outside, as a whole: a thread that looks at the bridge's pictures, and one for each receiver.

What is said goes into every receiver's outbox first, and only then into the memory of what was said on the disk: a
kill between the two says it again, under the same id. What one outbox cannot keep is put there again until it can, and
no other receiver hears it twice for that. Nothing is said from a picture that is old or holds what is not stored yet.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from broker.config import ConfigError, OutsideConfig, ReceiverConfig
from broker.durable_file import Disk, write_durably
from broker.feeds.midnight import Midnight
from broker.feeds.outside.addresses import AddressError
from broker.feeds.outside.daily_file import FileSink
from broker.feeds.outside.message import Message, message_id
from broker.feeds.outside.news import WORDS, Memory, News, case_message, report_message, totals_message
from broker.feeds.outside.outbox import MOST_WAITING, Outbox
from broker.feeds.outside.sender import Sender
from broker.feeds.outside.webhook import Sink, WebhookSink
from broker.feeds.reports.made import Made
from broker.reports import tables
from broker.reports.figures import figures_of
from broker.rules.settings import CallSettings
from broker.rules.states.case import Case
from broker.store import Store, StoreError
from broker.words import LANGUAGES

log = logging.getLogger("zhanpai.outside")

LOOK_S = 1.0
NOTED_S = 60  # how far behind the note of the last look may be
MOST_DAYS = 7  # of totals that a bridge catches up on
FAILED_S = 60.0


def outbox_of(outside: OutsideConfig, receiver: ReceiverConfig) -> Outbox:
    """What waits for one receiver."""
    return Outbox(outside.folder / receiver.name, receiver.place)


def of_area(outside: OutsideConfig, area: str) -> OutsideConfig:
    """Who is told of one cell of a city: what waits is in a folder of its own."""
    return outside.model_copy(update={"folder": outside.folder / area})


def sink_of(receiver: ReceiverConfig, timezone: str) -> Sink:
    """The way to one receiver; raises ConfigError."""
    if receiver.url is not None:
        return WebhookSink(receiver.url, receiver.secrets(), receiver.inside)
    assert receiver.folder is not None  # one of both is there, which the configuration holds
    return FileSink(receiver.folder, timezone)


def _places(receiver: ReceiverConfig, rooms: Sequence[Mapping[str, Any]]) -> set[str] | None:
    """The rooms and estates that a receiver asks for, an estate's rooms among them; None for all there is."""
    if not receiver.rooms and not receiver.estates:
        return None
    of_estates = (row["room"] for row in rooms if row["estate"] in receiver.estates)
    return {f"room/{room}" for room in (*receiver.rooms, *of_estates)} | {f"estate/{one}" for one in receiver.estates}


def check_receivers(outside: OutsideConfig, timezone: str) -> list[str]:
    """Look at each receiver's secret and address; what is worth knowing. Raises ConfigError."""
    notes = []
    for receiver in outside.receiver:
        sink = sink_of(receiver, timezone)
        if isinstance(sink, WebhookSink):
            try:
                sink.address()
            except AddressError as why:
                raise ConfigError(f"[outside] receiver {receiver.name} url: {why}") from why
            except OSError as why:
                notes.append(f"[outside] receiver {receiver.name} url: not found now ({why.strerror or why})")
    return notes


def trial(area: str, now: int) -> Message:
    """A message that tells nothing, for who sets a receiver up."""
    text = {language: WORDS.say(language, "text", "test") for language in LANGUAGES}
    return Message(message_id(area, "test", now, time.monotonic_ns()), "test", now, {"area": area, "text": text})


class Receivers:
    """Who tells the receivers of a bridge; `picture` gives the newest one."""

    def __init__(
        self, outside: OutsideConfig, area: str, timezone: str, store: Store, picture: Callable[[], Mapping[str, Any]],
        reports: Callable[[], Sequence[Made]] = tuple, cases: Callable[[], Sequence[Case]] = tuple,
        slip_s: int = CallSettings().slip_s,
    ) -> None:  # fmt: skip
        """`reports` gives those that are made, `cases` all there are; raises ConfigError."""
        self._area, self._timezone, self._store, self._picture = area, timezone, store, picture
        self._news = News(area, timezone, slip_s)
        self._reports, self._cases, self._midnight = reports, cases, Midnight(timezone)
        self._path = outside.folder / f"said-{area}.json"
        self._receivers: list[tuple[ReceiverConfig, Sender, deque[Message]]] = []  # with what is not kept yet
        try:
            for receiver in outside.receiver:
                outbox = outbox_of(outside, receiver)
                outbox.open()
                sender = Sender(receiver.name, outbox, sink_of(receiver, timezone), receiver.keep_days)
                self._receivers.append((receiver, sender, deque(maxlen=MOST_WAITING)))
            self._memory, self._looked_at, self._totals_day, self._told = self._read()
        except OSError as why:
            raise ConfigError(f"[outside] folder: {why.filename} cannot be used ({why.strerror})") from why
        self._noted_at, self._is_noted = self._looked_at, True
        self._totals_not_before = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outside", daemon=True)

    def start(self) -> None:
        """Begin to look and to send; where nobody is to be told there is nothing to do."""
        if not self._receivers:
            return
        for _, sender, _ in self._receivers:
            sender.start()
        self._thread.start()

    def stop(self) -> None:
        """End; what is not delivered waits."""
        self._stop.set()
        if self._receivers:
            self._thread.join(5)
        for _, sender, _ in self._receivers:
            sender.end()
        for _, sender, _ in self._receivers:
            sender.stop()

    def state(self) -> list[dict[str, Any]]:
        """How each receiver stands."""
        return [sender.state() for _, sender, _ in self._receivers]

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._look(self._picture())
            except OSError as why:
                log.error("messages to people outside cannot be kept: %s; it is tried again", why)
                self._stop.wait(FAILED_S / 10)
            except Exception:
                log.exception("what is to be told outside cannot be found; it is tried again in a minute")
                self._stop.wait(FAILED_S)

    def _look(self, picture: Mapping[str, Any]) -> None:
        if not picture or picture["old_since_at"] is not None or picture["data"]["unstored"]:
            return
        at = int(picture["at"])
        looked_at = self._looked_at or at
        messages, memory = self._news.of(picture, self._memory, min(looked_at, at))
        totals_day, totals = self._totals(at)
        told_now, of_revisions = self._of_revisions()
        messages += totals + of_revisions
        for receiver, _, unkept in self._receivers:
            asks = receiver.events, receiver.contractor, _places(receiver, picture["rooms"])
            unkept.extend(message for message in messages if message.is_for(*asks))
        new = messages or totals_day != self._totals_day or told_now != self._told
        if new or not 0 <= at - self._noted_at < NOTED_S:
            self._is_noted = False
        self._memory, self._looked_at, self._totals_day = memory, at, totals_day
        self._told = told_now
        self._keep()
        if not self._is_noted:
            self._note()

    def _keep(self) -> None:
        """Put into each outbox what it has not taken yet; raises OSError where one takes nothing."""
        failed = None
        for _, sender, unkept in self._receivers:
            try:
                while unkept:
                    sender.outbox.put(unkept[0])
                    unkept.popleft()
            except OSError as why:
                failed = why
        if failed is not None:
            raise failed

    def _of_revisions(self) -> tuple[dict[str, int], list[Message]]:
        """Which revision of each report is told, and which handing over of each case, and what is to be told for it; at
        the very first look nothing is."""
        found: dict[str, tuple[int, Callable[[], Message]]] = {
            one.name: (one.revision, partial(report_message, self._area, one)) for one in self._reports()
        }
        try:
            handed_over = [one for one in self._cases() if one.state == "handed_over"]
        except StoreError:
            handed_over = []  # at a later look
        for case in handed_over:
            found[f"case/{case.case_id}"] = (case.hand_overs, partial(case_message, self._area, case))
        known = self._told
        new = [
            make() for name, (revision, make) in found.items() if known is not None and known.get(name, 0) < revision
        ]
        return {**(known or {}), **{name: revision for name, (revision, _) in found.items()}}, new

    def _totals(self, now: int) -> tuple[str, list[Message]]:
        """The last day whose totals are told, and those that are to be told for it."""
        newest = self._midnight.newest_over(now)
        if not self._totals_day:
            return newest, []
        told, messages = min(self._totals_day, newest), []  # a clock that was ahead is no reason to be silent
        if now < self._totals_not_before:
            return told, []
        for day in self._midnight.missed(told, now, MOST_DAYS):
            try:
                messages.append(self._totals_of(day))
            except Exception as why:  # of whatever kind: calls and alarms do not wait for it
                self._totals_not_before = now + FAILED_S
                trace = None if isinstance(why, StoreError) else why
                log.error(
                    "the totals of %s cannot be counted: %s; it is tried again in a minute", day, why, exc_info=trace
                )
                break
            told = day
        return told, messages

    def _totals_of(self, day: str) -> Message:
        cube = figures_of(self._store, day, day, self._timezone)
        whole, by_waste = (tables.rows(cube, "day", by, day, day) for by in ((), ("waste",)))
        return totals_message(self._area, day, self._midnight.days.span(day, day)[1], whole[0], by_waste)

    def _note(self) -> None:
        noted = {"looked_at": self._looked_at, "totals_day": self._totals_day, "told": self._told,
                 "memory": self._memory}  # fmt: skip
        write_durably(Disk(), self._path, json.dumps(noted).encode())
        self._noted_at, self._is_noted = self._looked_at, True

    def _read(self) -> tuple[Memory, int, str, dict[str, int] | None]:
        try:
            found = json.loads(self._path.read_bytes())
            revisions = found.get("told")  # which notes of before do not have
            told = None if revisions is None else {str(name): int(revision) for name, revision in revisions.items()}
            return dict(found["memory"]), int(found["looked_at"]), str(found["totals_day"]), told
        except FileNotFoundError:
            return {}, 0, "", None
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            log.error("%s cannot be read (%s): what was told outside is not known, it begins anew", self._path, why)
            return {}, 0, "", None
