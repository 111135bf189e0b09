"""The thread that makes day, week and month reports after midnight, and makes them anew when their figures change.

    2026-11-22.zh.html .en.html .figures.csv .chain.csv .xlsx    one report; 2026-W47 and 2026-11 alike
    reports.json                                                 which there are: revision, digest, when it was made

Each file is there whole or not at all, and the list names a report once all of its files are there: a kill between
makes it again. What was missed while the bridge was away is made up for, of the last `back_days` ones; so far back a
record that comes late, or a correction, makes its day, week and month anew, with the next revision.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from broker.durable_file import Disk, write_durably
from broker.feeds.midnight import Midnight
from broker.feeds.reports.contents import FORMS, Counted, Page, Report
from broker.feeds.reports.made import Made
from broker.reports.day_report import first_day
from broker.reports.figures import CHAIN_KINDS, chain_facts
from broker.rules.statistics.periods import Period
from broker.store import Store, StoreError, amendments, where

log = logging.getLogger("zhanpai.reports")

LOOK_S = 10.0
CHANGES_EVERY_S = 900.0  # late records and corrections are looked for so often
FAILED_S = 60.0
BREATH_S = 0.05  # between two reports: the bridge's loop is on the same processor
LIST = "reports.json"
MOST_LISTED = 1000


class Maker:
    """Makes the reports of one area into a folder until it is stopped."""

    def __init__(
        self, folder: Path, back_days: int, timezone: str, store: Store, page: Page, now: Callable[[], float],
        disk: Disk | None = None, also: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        """`also` is done each CHANGES_EVERY_S, too: what else is to be looked for in the record at leisure."""
        self._also, self._done_at = also, float("-inf")
        self.folder, self._back_days, self._timezone, self._store = folder, back_days, timezone, store
        self._page, self._now, self._disk = page, now, disk or Disk()
        self._midnight = Midnight(timezone)
        self._made = self._listed()
        self._seen: tuple[str, int] = ("", 0)  # the newest day that was over, and when changes were looked for
        self.trouble: str | None = None  # why the last look failed, while it does
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, soon; a report that is being made is left, and made at the next start."""
        self._stop.set()
        self._thread.join(5)

    def made(self) -> list[Made]:
        """The reports that are there, the newest last."""
        return list(self._made.values())

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            wait_s = LOOK_S
            try:
                self.look(int(self._now()))
                self._look_further(int(self._now()))
                self.trouble = None
            except Exception as why:  # whatever it is: the reports wait, the bridge does not
                wait_s = FAILED_S
                if self.trouble is None:
                    plain = isinstance(why, StoreError | OSError)
                    log.error("reports cannot be made: %s; it is tried again each minute", why, exc_info=not plain)
                self.trouble = str(why) or type(why).__name__

    def _look_further(self, now: int) -> None:
        if self._also is not None and time.monotonic() - self._done_at >= CHANGES_EVERY_S:
            self._also(now)
            self._done_at = time.monotonic()

    def look(self, now: int) -> list[str]:
        """Make what is to be made now; its names. Raises StoreError, OSError."""
        newest, (seen, looked_at) = self._midnight.newest_over(now), self._seen
        if newest == seen and 0 <= now - looked_at < CHANGES_EVERY_S:
            return []
        periods = self._midnight.over(now, self._back_days)
        if newest == seen and not self._changed(periods, looked_at) and all(self._is_there(one) for one in periods):
            self._seen = newest, now
            return []
        first, last = _span(periods)
        first = min(first, first_day(min(one.to_day for one in periods)))  # a day's charts are of two weeks
        counted = Counted(chain_facts(self._store, first, last, self._timezone), self._timezone)
        done = [period.name for period in periods if self._stands(counted, period, now)]
        if not self._stop.is_set():
            self._seen = newest, now
        return done

    def _changed(self, periods: Sequence[Period], since: int) -> bool:
        """Whether anything came in since then that is of a day that was over."""
        first, last = _span(periods)
        days = self._midnight.days
        came = where("received_at") >= since
        late = where("kind").one_of(list(CHAIN_KINDS)) & (where("at") >= days.start(first))
        late &= (where("at") < days.span(last, last)[1]) & came
        corrected = (where("kind") == amendments.KIND) & (where("at") >= since)
        return any(True for query in (late, corrected) for _ in self._store.search(query))

    def _is_there(self, period: Period) -> bool:
        """Whether all of its files are there, or it is one that is not made."""
        return period.name not in self._made or all((self.folder / f"{period.name}.{form}").exists() for form in FORMS)

    def _stands(self, counted: Counted, period: Period, now: int) -> bool:
        """Make a report if it is not there as it is now; whether it was made."""
        if self._stop.is_set():
            return False
        known = self._made.get(period.name)
        if known is None and counted.is_gap(period) and not any(one.to_day < period.from_day for one in self.made()):
            return False  # nobody was here yet
        report = Report.of(counted, period)
        if known is not None and known.digest == report.digest and self._is_there(period):
            return False
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, content in report.files(counted, self._page).items():
            write_durably(self._disk, self.folder / name, content)
        revision = 1 if known is None else known.revision + (known.digest != report.digest)
        made = Made(
            period.kind, period.name, period.from_day, period.to_day, revision, now, report.digest, report.figures,
            report.rows["chain"],
        )  # fmt: skip
        after = {**self._made, period.name: made}
        after = dict(sorted(after.items(), key=lambda item: (item[1].to_day, item[1].from_day))[-MOST_LISTED:])
        self._write(after)
        self._made = after
        log.info("report %s, revision %d", period.name, revision)
        time.sleep(BREATH_S)
        return True

    def _write(self, made: Mapping[str, Made]) -> None:
        rows = {name: asdict(one) for name, one in made.items()}
        write_durably(self._disk, self.folder / LIST, json.dumps(rows, ensure_ascii=False, indent=1).encode())

    def _listed(self) -> dict[str, Made]:
        """What is there from before; a list that cannot be read says nothing, and all is made again."""
        try:
            return {name: Made(**row) for name, row in json.loads((self.folder / LIST).read_bytes()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as why:
            log.error("%s cannot be read (%s): the reports are made again", self.folder / LIST, why)
            return {}


def _span(periods: Sequence[Period]) -> tuple[str, str]:
    return min(one.from_day for one in periods), max(one.to_day for one in periods)
