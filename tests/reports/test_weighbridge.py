"""A weighbridge's file: as bridges and offices write it, each wrong line said, and nothing counted twice."""

import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from broker.__main__ import main
from broker.plan.demo_area import demo_plan
from broker.registers.exchange.sheets import write_xlsx
from broker.reports.weighbridge.cells import grams_of, moment_of, plate, waste_of
from broker.reports.weighbridge.sheet import read
from broker.store import Record
from broker.store.opening import open_store
from broker.store.sqlite.store import SQLiteStore
from tests.support.facts import NOON, ZONE, visit

SHANGHAI = ZoneInfo(ZONE)
HEAD = "磅单号,车号,品名,毛重(kg),皮重(kg),净重(kg),过磅时间"
LINES = [
    "B001,t01,湿垃圾,16200,11080,5120,2026-11-22 09:05",
    "B002,T 02,其他垃圾,15000,11000,4000,2026/11/22 9:40:10",
    "B003,ｔ０１,餐厨垃圾,12500,11080,1420,2026年11月22日 11时15分",
]
FILE = "\n".join([HEAD, *LINES, "合计,,,43700,33160,10540,"])


class Station:
    """A record of the demo's area and its configuration, and the command over both."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.config = folder / "broker.toml"
        self.config.write_text(f'[area]\nplan = "demo"\n[store]\nurl = "{folder / "records"}"\n')
        self.area = demo_plan().area_id
        self.store().close()

    def store(self) -> SQLiteStore:
        """The record, open."""
        store = open_store(self.folder / "records", self.area, ZONE, lambda: NOON)
        assert isinstance(store, SQLiteStore)
        return store

    def asked(self, content: str | bytes, *options: str) -> tuple[int, str]:
        """What the command says of a file."""
        path = self.folder / "bridge.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self._capsys.readouterr()
        code = main(["import-weighings", str(path), "--config", str(self.config), "--who", "sun", *options])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def kept(self) -> list[Record]:
        """The weigh-ins on record."""
        store = self.store()
        try:
            return list(store.scan("weighing"))
        finally:
            store.close()


@pytest.fixture
def station(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Station:
    """An empty record."""
    return Station(tmp_path, capsys)


def test_a_file_is_looked_through_first_and_taken_in_once(station: Station) -> None:
    """The preview stores nothing; the file twice, and a longer one with its lines, store nothing twice."""
    code, said = station.asked(FILE)
    assert code == 0 and "3 weigh-ins would be stored" in said and station.kept() == []
    assert "2026-11-22 residential_wet: 1 weigh-ins, 5120.0 kg" in said and "line 5: names neither" in said
    assert station.asked(FILE, "--apply")[0] == 0
    assert {(one.body["truck"], one.body["waste"], one.body["grams"]) for one in station.kept()} == {
        ("t01", "residential_wet", 5_120_000), ("t02", "residential_dry", 4_000_000), ("t01", "unit_wet", 1_420_000),
    }  # fmt: skip
    assert {one.body["who"] for one in station.kept()} == {"sun"}
    code, said = station.asked(FILE, "--apply")
    assert code == 0 and "0 weigh-ins stored, 3 were there already" in said
    longer = FILE + "\nB004,t01,湿垃圾,16000,11000,5000,2026-11-22 10:05"
    assert "1 weigh-ins stored, 3 were there already" in station.asked(longer, "--apply")[1]
    assert len(station.kept()) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_it_reads_what_offices_write(station: Station, encoding: str, separator: str) -> None:
    """Encodings and separators, a title and blank lines above the head."""
    text = "某某中转站过磅记录\n\n" + FILE
    code, said = station.asked(text.replace(",", separator).encode(encoding))
    assert code == 0 and "3 weigh-ins would be stored" in said, said


def test_it_reads_a_workbook(station: Station) -> None:
    """Numbers are numbers there."""
    rows = [["t01", "湿垃圾", 5.12, "2026-11-22 09:05"], ["t02", "干垃圾", 4, "2026-11-22 09:40"]]
    book = write_xlsx([("磅单", ["车牌号", "垃圾种类", "净重（吨）", "称重时间"], rows)])
    code, said = station.asked(book, "--apply")
    assert code == 0, said
    assert {one.body["grams"] for one in station.kept()} == {5_120_000, 4_000_000}


def test_every_wrong_line_is_said_at_once_and_nothing_is_stored(station: Station) -> None:
    """Unknown trucks, impossible weights and times, each with its line; the others come in if that is asked for."""
    wrong = [
        "C1,t77,湿垃圾,,,5000,2026-11-22 09:00",
        "C2,t01,湿垃圾,,,65000,2026-11-22 09:00",
        "C3,t01,湿垃圾,,,-20,2026-11-22 09:00",
        "C4,t01,湿垃圾,16000,11000,4000,2026-11-22 09:00",
        "C5,t01,黄金,,,5000,2026-11-22 09:00",
        "C6,t01,湿垃圾,,,5000,22/11/2026 09:00",
        "C7,t01,湿垃圾,,,5000,2036-11-22 09:00",
        "C8,t01,湿垃圾,,,about 5,2026-11-22 09:00",
        "C9,t01,湿垃圾,,,,2026-11-22 09:00",
        "C10,t77,黄金,,,0,2026-11-22",
    ]
    code, said = station.asked("\n".join([HEAD, *wrong, LINES[0]]), "--apply")
    assert code == 1 and station.kept() == []
    for number in range(2, 12):
        assert f"line {number}: " in said, (number, said)
    assert said.count("line 11: ") == 4 and "12 findings" not in said.split("line 2")[0]
    for words in ("no truck 't77'", "65000 kg is no load", "-20 kg is no load", "off by 1000 kg", "five kinds",
                  "is no time with a year", "has not come yet", "is no number", "no net weight"):  # fmt: skip
        assert words in said
    code, said = station.asked("\n".join([HEAD, *wrong, LINES[0]]), "--apply", "--without-refused")
    assert code == 0 and len(station.kept()) == 1
    code, said = station.asked("\n".join([HEAD, *wrong, LINES[0]]), "--lang", "zh")
    told = [line for line in said.splitlines() if "bridge.csv" not in line]
    assert code == 1 and len(told) == 15
    own = r"--[a-z-]+|'[^']*'|t\d+|\(kg\)|python3 -m broker import-weighings"  # options, ids, what the file has
    assert not re.search("[a-z]", re.sub(own, "", "\n".join(told))), told


def test_a_line_that_says_another_weight_than_the_record_is_a_finding(station: Station) -> None:
    """The ticket is on record: an amendment corrects it, not another file; nor may two lines of a file differ."""
    assert station.asked("\n".join([HEAD, LINES[0]]), "--apply")[0] == 0
    other = LINES[0].replace("16200", "16300").replace("5120", "5220")
    code, said = station.asked("\n".join([HEAD, other]), "--apply")
    assert code == 1 and "line 2: is on record as 5120 kg" in said and len(station.kept()) == 1
    code, said = station.asked("\n".join([HEAD, LINES[1], LINES[1].replace("4000", "4010").replace("15000", "15010")]))
    assert code == 1 and "line 3: is the weigh-in of line 2 with another weight" in said
    code, said = station.asked("\n".join([HEAD, LINES[1], LINES[1]]))
    assert code == 0 and "line 3: says the same as line 2" in said and "1 weigh-ins would" in said


def test_what_was_typed_in_at_the_station_is_not_counted_again(station: Station) -> None:
    """The same load within half an hour; one typed load stands for one line only."""
    at = int(datetime(2026, 11, 22, 9, 20, tzinfo=SHANGHAI).timestamp())
    body = {"truck": "t01", "run_id": None, "waste": "residential_wet", "grams": 5_120_000, "at": at, "who": "li"}
    store = station.store()
    store.append([Record("weighing:t01/7", "weighing", "t01/7", at, at, station.area, body)])
    store.close()
    again = LINES[0].replace("B001", "B009").replace("09:05", "09:25")
    code, said = station.asked("\n".join([HEAD, LINES[0], again]), "--apply")
    assert code == 0 and "line 2: was typed in by li" in said
    assert len(station.kept()) == 2


def test_a_weigh_in_that_nothing_collected_fits_is_said(station: Station) -> None:
    """Of the first line there is a visit of that truck on that day, of the second there is none."""
    store = station.store()
    one = visit(truck="t01", waste="residential_wet")
    store.append([Record(one.id, one.kind, one.key, one.at, one.at, station.area, one.body)])
    store.close()
    code, said = station.asked("\n".join([HEAD, *LINES[:2]]))
    assert code == 0 and "line 3: nothing that t02 collected" in said and "line 2: nothing" not in said


def test_plates_columns_and_units_can_be_told(station: Station) -> None:
    """沪A·12345 is t01; heads that nobody knows are named; a date and a time in two columns; tonnes by option."""
    text = "日期,时间,牌照,重,何物\n2026-11-22,9:05,沪A·12345,5.12,湿垃圾"
    options = ["--column", "truck=牌照", "--column", "net=重", "--column", "waste=何物", "--truck", "沪a12345=t01"]
    code, said = station.asked(text, *options, "--unit", "t", "--apply")
    assert code == 0, said
    (record,) = station.kept()
    assert (record.body["truck"], record.body["grams"]) == ("t01", 5_120_000)
    assert record.at == datetime(2026, 11, 22, 9, 5, tzinfo=SHANGHAI).timestamp()
    assert station.asked(text, "--column", "truck=没有")[0] == 1
    assert station.asked(text, "--truck", "沪a12345=t77")[0] == 1
    assert station.asked(text, "--column", "moon=重")[0] == 1


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"a,b\n1,2", "车号,时间\nt01,2026".encode(), b"%PDF-1.4"])
def test_what_is_no_weighbridges_file_is_refused_in_words(station: Station, content: bytes) -> None:
    """Without a traceback, and with what stands there."""
    code, said = station.asked(content)
    assert code == 1 and "import-weighings: " in said and "Traceback" not in said


def test_two_columns_of_one_meaning_are_asked_about() -> None:
    """Nobody guesses which of two times it was; one may be told."""
    content = "车号,净重,时间,过磅时间\nt01,5000,2026-11-22 09:00,2026-11-22 09:30".encode()
    with pytest.raises(ValueError, match="both at"):
        read(content, {})
    assert read(content, {"at": "过磅时间"}).lines[0].cells["at"].endswith("09:30")


@pytest.mark.parametrize(
    ("text", "unit", "comma", "grams"),
    [("5120", "kg", False, 5_120_000), ("5,120", "kg", False, 5_120_000), ("5.12", "t", False, 5_120_000),
     ("5,12", "t", True, 5_120_000), ("5 120 kg", "t", False, 5_120_000), ("５１２０公斤", "t", False, 5_120_000),
     ("1,234,567.8", "kg", False, 1_234_567_800), ("0.5t", "kg", False, 500_000), ("-20", "kg", False, -20_000)],
)  # fmt: skip
def test_a_weight_is_read_as_it_is_meant(text: str, unit: str, comma: bool, grams: int) -> None:
    """Thousands, decimal commas, units, wide digits."""
    assert grams_of(text, unit, decimal_comma=comma) == grams


@pytest.mark.parametrize(
    ("text", "comma"), [("5,12", False), ("5,120", True), ("1.2.3", False), ("five", False), ("5 stones", False),
                        ("", False), ("5,1,2", True), ("NaN", False), ("1e4", False)],
)  # fmt: skip
def test_a_weight_that_may_mean_two_things_is_no_guess(text: str, comma: bool) -> None:
    """It is refused."""
    with pytest.raises(ValueError, match=r"."):
        grams_of(text, "kg", decimal_comma=comma)


@pytest.mark.parametrize(
    "text", ["2026-11-22 06:05", "2026/11/22 6:05", "2026.11.22 06:05:00", "2026-11-22T06:05", "2026年11月22日6时5分",
             "20261122060500", "202611220605", "2026-11-21T22:05Z", "2026-11-22 06:05:00+08:00"],
)  # fmt: skip
def test_a_time_is_read_as_bridges_print_it(text: str) -> None:
    """Half a dozen ways to write five past six."""
    assert moment_of(text, "", SHANGHAI) == datetime(2026, 11, 22, 6, 5, tzinfo=SHANGHAI).timestamp()


@pytest.mark.parametrize(
    "text", ["22/11/2026 06:05", "2026-13-01 06:05", "2026-11-22", "06:05", "yesterday", "45983.25"]
)
def test_a_time_that_is_not_clear_is_refused(text: str) -> None:
    """No day, no year, no hour."""
    with pytest.raises(ValueError, match=r"."):
        moment_of(text, "", SHANGHAI)


def test_words_are_compared_without_what_typing_adds() -> None:
    """Plates and kinds."""
    assert plate("沪A·123 45") == plate("沪ａ-12345") and plate("沪A12345") != plate("沪A12346")
    assert waste_of("residential_wet") == waste_of(" 湿垃圾 ") == "residential_wet" and waste_of("gold") is None
