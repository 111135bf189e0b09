"""The GPS reader: bytes cut anywhere in, one fix an instant out, never a position the receiver did not vouch for."""

import datetime
import importlib.util
import itertools
import os
import random
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.truck.gps.epochs import Epochs, read_fixes
from firmware.truck.gps.fix import Fix
from firmware.truck.gps.nmea import MAX_LINE_BYTES, Sentences, parse_sentence
from tests.support.nmea_fuzz import fuzz

SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).parents[4] / "shared"))
NOON = int(datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.UTC).timestamp())


def sentence(body: str) -> bytes:
    """A sentence with its checksum and line end."""
    return f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode("latin-1")


def rmc(clock="120000.00", status="A", place="3112.0000,N,12124.0000,E", date="221126", tail=",,,A", speed="10.0,90.0"):
    return sentence(f"GPRMC,{clock},{status},{place},{speed},{date}{tail}")


def gga(clock="120000.00", quality="1", place="3112.0000,N,12124.0000,E", sats="08", hdop="1.0"):
    return sentence(f"GPGGA,{clock},{place},{quality},{sats},{hdop},5.0,M,8.0,M,,")


def fixes(*parts: bytes) -> list[Fix]:
    return list(read_fixes(parts))


def test_pair_is_one_fix():
    """RMC and GGA of one second are one fix with the words of both."""
    (fix,) = fixes(rmc(), gga())
    assert (fix.lat, fix.lon, fix.fix_at) == (31.2, 121.4, NOON)
    assert fix.speed_mps == pytest.approx(5.14444)
    assert (fix.bearing_deg, fix.hdop, fix.sats, fix.quality) == (90.0, 1.0, 8, 1)


def test_pair_is_given_out_without_waiting_for_the_next_second():
    """The fix is there as soon as both sentences are, in either order."""
    for parts in ((rmc(), gga()), (gga(), rmc())):
        epochs = Epochs()
        assert epochs.feed(parts[0]) == []
        assert len(epochs.feed(parts[1])) == 1
        assert epochs.flush() == []


def test_rmc_alone_is_enough_after_a_flush():
    """A receiver that says RMC only gives its fix when nothing more comes."""
    epochs = Epochs()
    assert epochs.feed(rmc()) == []
    (fix,) = epochs.flush()
    assert (fix.fix_at, fix.hdop) == (NOON, None)
    assert epochs.flush() == []


def test_gga_alone_has_no_date_until_somebody_says_it():
    """Without RMC or ZDA fix_at is None; afterwards the date is carried on."""
    first, second = fixes(gga("120000.00"), sentence("GPZDA,120000.50,22,11,2026,00,00"), gga("120001.00"))
    assert (first.fix_at, second.fix_at) == (None, NOON + 1)


def test_midnight_between_date_and_fix():
    """The first fix after midnight belongs to the next day although the last date said was yesterday's."""
    found = fixes(rmc("235959.00", date="221126"), gga("235959.00"), gga("000000.00"))
    assert [fix.fix_at for fix in found] == [NOON + 43199, NOON + 43200]


@pytest.mark.parametrize(
    "parts",
    [
        (rmc(status="V"),),
        (rmc(status="V", place=",,,"), gga(quality="0", place=",,,")),
        (rmc(status="V"), gga()),
        (rmc(), gga(quality="0")),
        (rmc(tail=",,,N"),),
        (rmc(place="0000.0000,N,00000.0000,E"), gga(place="0000.0000,N,00000.0000,E")),
        (rmc(place="3112.0000,,12124.0000,"),),
        (rmc(place="3172.0000,N,12124.0000,E"),),
        (rmc(place="9912.0000,N,12124.0000,E"),),
        (rmc(place="3112.0000,E,12124.0000,N"),),
        (rmc(place="abcd,N,12124.0000,E"),),
        (rmc(clock=""),),
        (rmc(clock="250000"),),
        (gga(quality=""),),
        (b"$GPRMC,235959.00,A,3113.82\r\n",),
        (b"$GPRMC,120000.00,A,3112.0000,N,12124.0000,E,10.0,90.0,221126,,,A\r\n",),
        (rmc()[:-5] + b"00\r\n",),
        (sentence("GPGLL,3112.0000,N,12124.0000,E,120000.00,V,N"),),
        (sentence("GPGNS,120000.00,3112.0000,N,12124.0000,E,NN,08,1.0,5,8,,"),),
        (sentence("GPTXT,01,01,02,hello"), b"\xff\xfe\x00\xb5\x62\r\n"),
    ],
)
def test_what_is_no_position_gives_no_fix(parts):
    """Void, cut, unchecked, misplaced or impossible sentences give no fix and no error."""
    assert fixes(*parts) == []


def test_sentence_without_checksum_is_nothing():
    """A cut line can look whole: without its checksum it says nothing."""
    whole = rmc().decode().strip()
    assert parse_sentence(whole) is not None
    assert parse_sentence(whole[:-3]) is None


def test_bad_date_costs_the_date_only():
    """An impossible date leaves a fix without fix_at."""
    (fix,) = fixes(rmc(date="991399"), gga())
    assert fix.fix_at is None


@pytest.mark.parametrize(("mode", "quality"), [("A", 1), ("D", 2), ("E", 6), ("M", 7), ("S", 8)])
def test_quality_of_a_bare_rmc_comes_from_its_mode(mode, quality):
    """An estimated, typed-in or simulated position is given out with its mark."""
    (fix,) = fixes(rmc(tail=f",,,{mode}"))
    assert fix.quality == quality


def test_gsa_gives_the_mode():
    """Mode 3 only where GSA says three dimensions."""
    assert fixes(sentence("GPGSA,A,3,01,02,03,04,,,,,,,,,1.5,1.0,1.1"), rmc(), gga())[0].mode == 3
    assert fixes(rmc(), gga())[0].mode == 2


def test_several_talkers_and_gns_and_gll():
    """Any talker is read, and GNS or GLL of the same second make no second fix."""
    found = fixes(
        rmc().replace(b"GP", b"GN", 1).replace(rmc()[-4:-2], _checksum(rmc(), b"GN")),
        gga(),
        sentence("GNGNS,120000.00,3112.0000,N,12124.0000,E,AAN,12,0.8,5,8,,"),
        sentence("GNGLL,3112.0000,N,12124.0000,E,120000.00,A,A"),
    )
    assert len(found) == 1


def _checksum(line: bytes, talker: bytes) -> bytes:
    body = talker + line[3 : line.index(b"*")]
    return f"{reduce(lambda x, c: x ^ c, body, 0):02X}".encode()


def test_sentence_behind_rubbish_and_without_line_end_between():
    """Binary before a sentence, or two sentences that lost the line end between them, are read."""
    assert len(fixes(b"\xb5\x62\x01\x07$\x00" + rmc().strip() + gga())) == 1


def test_endless_line_is_dropped():
    """A megabyte without line end holds at most one read and 4 KB of memory, and reading goes on after it."""
    sentences = Sentences()
    for _ in range(1000):
        sentences.feed(b"x" * 1000)
        # What is held of an unfinished line shows nowhere else.
        assert len(sentences._line) <= MAX_LINE_BYTES + 1000
    assert sentences.counts["too_long"] > 0
    assert len(sentences.feed(b"\n" + rmc())) == 1


def test_speed_and_numbers_that_are_none():
    """nan, inf and negative numbers in a sentence are nothing."""
    (fix,) = fixes(rmc(speed="nan,-5"), gga(sats="inf", hdop="nan"))
    assert (fix.speed_mps, fix.bearing_deg, fix.hdop, fix.sats) == (None, None, None, None)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=12), st.binary(max_size=40))
def test_cuts_change_nothing(cuts, rubbish):
    """However the bytes are cut into reads, the fixes are the same."""
    stream = rubbish + b"\r\n" + rmc() + gga() + rmc("120001.00") + gga("120001.00") + rmc("120002.00")
    whole = list(read_fixes([stream]))
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert list(read_fixes(pieces)) == whole
    assert list(read_fixes([bytes([b]) for b in stream])) == whole


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="$*"), max_size=90))
def test_any_sentence_body_is_survived(body):
    """A well-checked sentence with any content is read or refused, never an error, never 0/0."""
    for kind in ("RMC", "GGA", "GLL", "GNS", "GSA", "ZDA"):
        spoken = parse_sentence(sentence(f"GP{kind},{body}").decode().strip())
        assert spoken is None or spoken.lat is None or (spoken.lat, spoken.lon) != (0.0, 0.0)


def test_fuzzed_lines_give_no_void_fix():
    """Twenty thousand mutilated lines with true checksums: no error, no fix near 0/0 (10^6 in bench/truck/gps.py)."""
    result = fuzz(20_000, random.Random(1))
    assert result["null_island"] == 0
    assert result["void"] == 0


@pytest.mark.parametrize("chunk", [7, 4096])
@pytest.mark.real  # seconds of work
def test_recorded_receivers_as_gpsd_reads_them(chunk):
    """Over all recorded NMEA logs: recall at least 0.995, no fix where gpsd has none, no error."""
    scorer = SHARED / "bench" / "nmea_score.py"
    if not scorer.exists():
        pytest.skip(f"no recorded receivers here: {scorer} is absent (set ZP_SHARED)")
    spec = importlib.util.spec_from_file_location("nmea_score", scorer)
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    rows = [
        score.score(read_fixes, str(log), chunk)
        for log in sorted((SHARED / "data" / "nmea").glob("*.log"))
        if Path(f"{log}.chk").exists()
    ]
    assert len(rows) > 40
    assert sum(row["nofix"] for row in rows) == 0
    assert [row["crash"] for row in rows if row["crash"]] == []
    assert sum(row["hit"] for row in rows) >= 0.995 * sum(row["reach"] for row in rows)
