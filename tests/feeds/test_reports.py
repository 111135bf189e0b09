"""Reports that make themselves: after midnight, made up for, made anew, whole or not at all, and told outside."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from broker.durable_file import Disk
from broker.feeds.midnight import OVER_AFTER_S, Midnight
from broker.feeds.outside.news import case_message, report_message
from broker.feeds.reports.contents import FORMS
from broker.feeds.reports.made import Made
from broker.feeds.reports.maker import CHANGES_EVERY_S, LIST, Maker
from broker.registers.exchange.sheets import read_sheets
from broker.reports import corrections, figures
from broker.rules.states.case import Case, Evidence
from broker.rules.statistics.periods import Period
from broker.store import Record, Store, StoreError
from broker.store.opening import open_store
from broker.web.pages.day_report import period_page
from tests.support.facts import DAY, NAMES, NOON, ZONE, visit
from tests.support.outside import picture_of, telling
from tests.support.processes import wait_until
from tests.support.settings.day import configured

pytestmark = pytest.mark.real  # tenths of a second each

DAY_S = 86_400
MIDNIGHT = NOON + DAY_S // 2
OVER = MIDNIGHT + OVER_AFTER_S
CHANGES_S = int(CHANGES_EVERY_S)


class FailsOnce(Disk):
    """The real disk, but for one call."""

    def __init__(self, fails_at: int) -> None:
        self._left = fails_at

    def _count(self) -> None:
        self._left -= 1
        if self._left == -1:
            raise OSError("the disk refused")

    def create(self, path: Path) -> int:
        """Maybe."""
        self._count()
        return super().create(path)

    def write(self, descriptor: int, content: bytes) -> int:
        """Half of it, then maybe no more."""
        self._count()
        return super().write(descriptor, content[: max(1, len(content) // 2)])

    def fsync(self, descriptor: int) -> None:
        """Maybe."""
        self._count()
        super().fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Maybe."""
        self._count()
        super().replace(source, target)


class Clock:
    """The time of bridge and record."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> float:
        """Now."""
        return self.at


class Office:
    """A record, a folder of reports and whoever makes them."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(OVER)
        self.store: Store = open_store(folder / "records", "xh", ZONE, self.clock)
        self.folder = folder / "reports"

    def keep(self, at: int, name: str = "run1", **body: Any) -> None:
        """A visit that is served at that time; it comes in now."""
        times = {"arrived_at": at, "planned_at": at, "due_at": at - 960, "promised_at": at, "left_at": at + 240}
        one = visit(f"{name}/r01/1", at=at, run_id=name, **{**times, **body})
        self.store.append([Record(one.id, one.kind, one.key, one.at, self.clock.at, "xh", one.body)])

    def maker(self, **given: Any) -> Maker:
        """Whoever makes them."""

        def page(facts: Sequence[Any], cube: Any, period: Period, language: str) -> str:
            return period_page(facts, cube, "xh", period, language, ZONE, NAMES)

        return Maker(self.folder, 14, ZONE, self.store, page, self.clock, **given)

    def listed(self) -> dict[str, Any]:
        """The list of what there is."""
        return dict(json.loads((self.folder / LIST).read_bytes()))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A quarter past midnight after a day with one visit."""
    made = Office(tmp_path)
    made.keep(NOON)
    yield made
    made.store.close()


def test_a_day_is_reported_a_quarter_past_midnight_and_once(office: Office) -> None:
    """Pages in both languages, tables, a workbook; nothing before, nothing twice."""
    office.clock.at = OVER - 1
    maker = office.maker()
    assert maker.look(OVER - 1) == [] and not (office.folder / LIST).exists()
    office.clock.at = OVER
    assert maker.look(OVER) == [DAY, "2026-W47"]  # it was a Sunday
    assert {path.name for path in office.folder.iterdir()} == {
        LIST, *(f"{name}.{form}" for name in (DAY, "2026-W47") for form in FORMS),
    }  # fmt: skip
    assert maker.look(OVER + 1) == [] and maker.look(OVER + CHANGES_S) == []
    assert office.maker().look(OVER + CHANGES_S + 1) == []  # after a restart neither


def test_a_report_has_the_figures_of_stats(office: Office) -> None:
    """CSV and workbook say what the command says; the pages speak."""
    office.maker().look(OVER)
    for table in ("figures", "chain"):
        said = figures.answer(office.store, table, "csv", ZONE, DAY, DAY, "day", ["waste"])
        assert (office.folder / f"{DAY}.{table}.csv").read_bytes().decode() == said
    sheets = {sheet.name: sheet for sheet in read_sheets((office.folder / f"{DAY}.xlsx").read_bytes())}
    assert {"figures", "chain", "lanes", "weigh_ins"} <= set(sheets)
    served = sheets["figures"].header.index("served")
    assert sheets["figures"].rows[0][1][served] == "1"
    assert "清运日报" in (office.folder / f"{DAY}.zh.html").read_text()
    assert "weekly collection report of 2026-W47" in (office.folder / "2026-W47.en.html").read_text()


def test_missed_nights_are_made_up_for_and_quiet_ones_are_said(office: Office) -> None:
    """Two weeks at most; a day without a record in between is a report of a gap, one before all records is none."""
    office.keep(NOON - 3 * DAY_S, "run0")
    assert office.maker().look(OVER) == ["2026-11-19", "2026-11-20", "2026-11-21", DAY, "2026-W47"]
    assert "a gap in the data" in (office.folder / "2026-11-20.en.html").read_text()
    office.clock.at = OVER + 39 * DAY_S
    done = office.maker().look(office.clock.at)
    assert len([name for name in done if name.startswith("2026-12-")]) == 14 and "2026-11-23" not in done
    assert "2026-12" in done and "2026-11" not in done


def test_what_comes_late_makes_its_day_week_and_month_anew(office: Office) -> None:
    """A record of yesterday that comes at noon, and a correction; the next revision, and nothing else is made."""
    maker = office.maker()
    maker.look(OVER)
    office.clock.at = OVER + 6 * 3600
    office.keep(NOON + 3600, "run2")
    assert maker.look(office.clock.at) == [DAY, "2026-W47"]
    assert {name: row["revision"] for name, row in office.listed().items()} == {DAY: 2, "2026-W47": 2}
    office.clock.at += CHANGES_S
    assert maker.look(office.clock.at) == []
    record = corrections.named(office.store, "visit:run2/r01/1")
    corrections.correct(office.store, record, {"bins_after": 6}, "crew's list", "ann", office.clock.at, ZONE)
    assert maker.look(office.clock.at + CHANGES_S) == [DAY, "2026-W47"]
    assert office.listed()[DAY]["figures"]["bins"] == 5 and office.listed()[DAY]["revision"] == 3
    office.keep(office.clock.at, "run3")  # of today: of no report
    assert maker.look(office.clock.at + 3 * CHANGES_S) == []


def test_what_is_too_long_ago_stays_as_it_was_reported(office: Office) -> None:
    """The bound is a setting: two weeks."""
    maker = office.maker()
    maker.look(OVER)
    office.clock.at = OVER + 15 * DAY_S
    maker.look(office.clock.at)
    office.clock.at += CHANGES_S
    office.keep(NOON + 60, "run9")
    assert DAY not in maker.look(office.clock.at) and office.listed()[DAY]["revision"] == 1


def test_a_file_that_somebody_removed_is_there_again(office: Office) -> None:
    """The same revision: no figure changed."""
    maker = office.maker()
    maker.look(OVER)
    (office.folder / f"{DAY}.chain.csv").unlink()
    assert maker.look(OVER + CHANGES_S) == [DAY]
    assert (office.folder / f"{DAY}.chain.csv").exists() and office.listed()[DAY]["revision"] == 1


@pytest.mark.parametrize("spoiled", [b"", b"[]", b'{"2026-11-22": {}}', b"\xff"])
def test_a_spoiled_list_is_no_end(office: Office, spoiled: bytes) -> None:
    """It is said, and all is made again."""
    office.maker().look(OVER)
    (office.folder / LIST).write_bytes(spoiled)
    assert office.maker().look(OVER) == [DAY, "2026-W47"]


def test_a_disk_that_fails_at_any_moment_leaves_no_half_file(office: Office) -> None:
    """Each call fails once: what is there is whole, what is not is made at the next look."""
    office.maker().look(OVER)
    whole = {path.name: path.read_bytes() for path in office.folder.iterdir() if path.suffix != ".xlsx"}
    for path in office.folder.iterdir():
        path.unlink()
    for fails_at in range(1000):
        disk = FailsOnce(fails_at)
        try:
            office.maker(disk=disk).look(OVER)
        except OSError:
            there = [path for path in office.folder.iterdir() if path.name in whole and path.name != LIST]
            assert all(path.read_bytes() == whole[path.name] for path in there)
            continue
        break
    else:
        pytest.fail("it never came to an end")
    assert {path.name for path in office.folder.iterdir()} >= set(whole)


def test_a_record_that_cannot_be_read_is_tried_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread goes on, says why, and makes the report once it can."""
    monkeypatch.setattr("broker.feeds.reports.maker.FAILED_S", 0.02)
    unread = "broker.feeds.reports.maker.chain_facts"
    monkeypatch.setattr(unread, lambda *_: (_ for _ in ()).throw(StoreError("no disk")))
    maker = office.maker()
    maker.start()
    try:
        wait_until(lambda: maker.trouble == "no disk", "it is said")
        monkeypatch.undo()
        wait_until(lambda: maker.made() and maker.trouble is None, "it is made")
    finally:
        maker.stop()


def test_a_report_is_told_outside_once_and_again_when_it_is_made_anew(office: Office, tmp_path: Path) -> None:
    """One message for each revision, with its figures; a restart tells none twice."""
    config = configured(tmp_path, '[[outside.receiver]]\nname = "files"\nfolder = "files"\nevents = ["report"]\n')

    def told() -> list[dict[str, Any]]:
        lines = [line for path in (tmp_path / "files").glob("*.jsonl") for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    maker = office.maker()
    with telling(config, lambda: picture_of(at=office.clock.at), office.store, maker.made):
        wait_until(lambda: (config.outside.folder / "said-xh.json").exists(), "somebody looks")
        maker.look(OVER)
        wait_until(lambda: len(told()) == 2, "day and week are told")
        office.clock.at = OVER + CHANGES_S
        office.keep(NOON + 3600, "run2")
        maker.look(office.clock.at)
        wait_until(lambda: len(told()) == 4, "and once more")
    assert {row["type"] for row in told()} == {"report.day", "report.week"}
    last = next(row for row in told() if row["type"] == "report.day" and row["data"]["revision"] == 2)
    assert last["data"]["figures"]["served"] == 2 and last["data"]["chain"][0]["waste"] == "unit_wet"
    assert DAY in last["data"]["text"]["en"] and "第 2 版" in last["data"]["text"]["zh"]
    with telling(config, shown := (lambda: picture_of(at=office.clock.at)), office.store, office.maker().made) as again:
        wait_until(lambda: again.state()[0]["waiting"] == 0 and shown, "somebody looks")
    assert len(told()) == 4


def test_a_case_is_told_when_it_is_handed_over_and_again_when_it_is_so_again(tmp_path: Path) -> None:
    """Not when it is opened; with its evidence in a message that has its bounds, and nobody's name."""
    evidence = [Evidence(f"workflow:t01/i{one}:1", f"workflow:t01/i{one}", NOON, "lane_blocked") for one in range(50)]
    note = "箱" * 2000
    case = Case.of("c1", "chronic_lane", ("e1", "r01", None), evidence, note, "wang", NOON)
    over = case.handed_over("wang", NOON + 60)
    again = over.answered("no", "qian", NOON + 120).handed_over("wang", NOON + 180)
    ids = {case_message("xh", one).id for one in (over, over, again)}
    assert len(ids) == 2 and len(case_message("xh", again).body()) < 20_000
    assert b"wang" not in case_message("xh", over).body()
    config = configured(tmp_path, '[[outside.receiver]]\nname = "files"\nfolder = "files"\nevents = ["case"]\n')
    known: list[Case] = [case]

    def told() -> list[str]:
        return [line for path in (tmp_path / "files").glob("*.jsonl") for line in path.read_text().splitlines()]

    with telling(config, lambda: picture_of(at=NOON), None, tuple, lambda: known) as found:
        wait_until(lambda: (config.outside.folder / "said-xh.json").exists(), "somebody looks")
        known[:] = [over]
        wait_until(lambda: len(told()) == 1, "it is told")
        known[:] = [again]
        wait_until(lambda: len(told()) == 2, "and again")
        assert found.state()[0]["dead"] == 0
    assert json.loads(told()[0])["data"]["evidence"][-1]["record"] == "workflow:t01/i49:1"


def test_a_report_of_all_kinds_fits_into_a_message() -> None:
    """However many figures: five kinds of waste, each known."""
    row = dict.fromkeys((str(number) for number in range(60)), 123_456_789)
    figures_of_all = {"visits": 1, "served": 1, "grams": 5, **row}
    made = Made("month", "2026-11", "2026-11-01", "2026-11-30", 2, NOON, "d", figures_of_all, [row] * 5)
    assert len(report_message("xh", made).body()) < 20_000


def test_days_weeks_and_months_are_over_when_their_last_day_is() -> None:
    """Also where the clocks change; a clock that was ahead hides no day."""
    midnight = Midnight("Europe/Berlin")
    monday = midnight.days.start("2026-11-02") + OVER_AFTER_S
    names = [period.name for period in midnight.over(monday, 3)]
    assert names == ["2026-10-30", "2026-10-31", "2026-11-01", "2026-W44", "2026-10"]
    assert [period.name for period in midnight.over(monday - 1, 1)] == ["2026-10-31", "2026-10"]
    assert list(midnight.missed("2030-01-01", monday, 7)) == []
    assert list(midnight.missed("2026-10-30", monday, 7)) == ["2026-10-31", "2026-11-01"]
    assert list(midnight.missed("2020-01-01", monday, 2)) == ["2026-10-31", "2026-11-01"]


@pytest.mark.parametrize(
    ("kind", "day", "first", "last"),
    [("day", "2026-02-28", "2026-02-28", "2026-02-28"), ("week", "2027-01-01", "2026-12-28", "2027-01-03"),
     ("month", "2028-02-29", "2028-02-01", "2028-02-29"), ("month", "2026-12-31", "2026-12-01", "2026-12-31")],
)  # fmt: skip
def test_a_period_has_its_first_and_last_day(kind: str, day: str, first: str, last: str) -> None:
    """Over the turn of the year, in a leap year."""
    period = Period.around(kind, day)
    assert (period.from_day, period.to_day) == (first, last)
