"""Acknowledgements: what is in the message is stored, whatever order and gaps the numbers came in."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.ingest.delivery.acks import ACK_EVERY_S, BOOTS_KEPT, BURST_S, RANGES_KEPT, RANGES_SENT, DeviceAcks, SeqSet
from firmware import wire

numbers = st.lists(st.integers(0, 60), max_size=80)


@given(numbers)
@settings(deadline=None)
def test_a_seq_set_is_a_set(seqs: list[int]) -> None:
    """Adding says whether it was new; the ranges are exactly the numbers added, separate and in order."""
    ours, model = SeqSet(), set()
    for seq in seqs:
        assert ours.add(seq) is (seq not in model)
        model.add(seq)
    ranges = ours.ranges()
    assert {n for first, last in ranges for n in range(first, last + 1)} == model
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(ranges))
    assert all((n in ours) == (n in model) for n in range(70))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=120))
@settings(deadline=None)
def test_what_could_not_be_kept_is_not_acknowledged_and_is_new_again(steps: list[tuple[bool, int]]) -> None:
    """Deliveries and discards in any order, rows that count up among them: the ack covers what is there."""
    acks, model = DeviceAcks(), set()
    for put, seq in steps:
        if put:
            assert acks.add(7, seq) is (seq not in model)
            model.add(seq)
        else:
            acks.discard(7, seq)
            model.discard(seq)
    covered = set()
    for ack in acks.body()["acks"]:
        for first, last in [(min(model, default=0), ack["upto"]), *ack["also"]]:
            covered |= set(range(first, last + 1)) if last else set()
    assert covered - {0} == model - {0}


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 400)), max_size=300))
@settings(deadline=None)
def test_an_ack_never_covers_what_did_not_come(records: list[tuple[int, int]]) -> None:
    """Every number an ack covers was delivered; every number delivered since the last ack is covered."""
    acks, delivered, recent = DeviceAcks(), set(), set()
    for count, record in enumerate(records, start=1):
        acks.add(*record)
        delivered.add(record)
        recent.add(record)
        if count % 17 and count != len(records):
            continue
        covered = set()
        for ack in acks.body()["acks"]:
            assert len(ack["also"]) <= RANGES_SENT
            for first, last in [(1, ack["upto"]), *ack["also"]]:
                covered |= {(ack["boot"], seq) for seq in range(first, last + 1)}
        assert covered <= delivered
        assert recent <= covered
        recent.clear()


def test_old_boots_are_forgotten() -> None:
    """Memory does not grow with restarts; a late record of an old boot is acknowledged all the same."""
    acks = DeviceAcks()
    for boot in range(1, 500):
        acks.add(boot, 1)
        acks.body()
    assert len(acks.body()["acks"]) == BOOTS_KEPT
    acks.add(3, 7)
    assert {"boot": 3, "upto": 0, "also": [[7, 7]]} in acks.body()["acks"]


def test_a_boot_below_the_others_is_acknowledged_whole() -> None:
    """A new card counts from 1 where four higher boots are known: each number that came of it is in the next ack."""
    acks = DeviceAcks()
    for boot in (11, 12, 13, 14):
        acks.add(boot, 1)
    for seq in range(1, 6):
        acks.add(2, seq)
        assert {"boot": 2, "upto": seq, "also": []} in acks.body()["acks"]


def test_an_ack_fits_the_wire_whatever_a_device_counts() -> None:
    """Many boots, each with gaps before every number, in the largest figures there are."""
    acks = DeviceAcks()
    for boot in range(200):
        for gap in range(200):
            acks.add(2_000_000_000 + boot, 2_000_000_000 + 3 * gap)
    body = acks.body()
    assert len(wire.pack(wire.topic("ack", "xh", "t01", family="truck"), body)) <= wire.MAX_PAYLOAD_BYTES


def test_gaps_do_not_fill_the_memory() -> None:
    """A device that leaves a gap before each number is known by its newest; an older one counts as new."""
    numbers = SeqSet()
    for seq in range(2, 6 * RANGES_KEPT, 2):
        numbers.add(seq)
    assert len(numbers.ranges()) <= RANGES_KEPT
    assert 6 * RANGES_KEPT - 2 in numbers


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
@settings(deadline=None)
def test_acks_keep_their_pace(waits_s: list[float]) -> None:
    """Over any stretch of time there is at most one ack per ACK_EVERY_S, and those of one burst."""
    acks, now, sent = DeviceAcks(), 1795374300.0, []
    for wait_s in waits_s:
        now += wait_s
        if acks.may_be_sent(now):
            acks.sent(now)
            sent.append(now)
    for first, last in itertools.combinations(range(len(sent)), 2):
        assert (last - first) * ACK_EVERY_S <= sent[last] - sent[first] + BURST_S + 1e-3


def test_a_device_at_the_pace_itself_is_acknowledged_at_once_each_time() -> None:
    """One ack that came late does not make all that follow wait."""
    acks, start = DeviceAcks(), 1795374300.0
    for number in range(100):
        at = start + number * ACK_EVERY_S + (0.15 if number == 10 else 0.0)
        assert acks.may_be_sent(at), number
        acks.sent(at)


def test_the_last_of_many_records_is_acknowledged_as_soon_as_no_more_come() -> None:
    """A truck that comes out of a tunnel with its backlog does not wait for the pace at the end of it."""
    acks, start, told, seq = DeviceAcks(), 1795374300.0, list[float](), 0
    for turn in range(94):  # 0.94 s of records in turns of 10 ms, 0.1 s after the fifth ack, then nothing more
        for _ in range(20):
            seq += 1
            acks.add(1, seq)
        if acks.may_be_sent(start + turn / 100):
            acks.sent(start + turn / 100)
            told.append(round(turn / 100, 2))
    assert told == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8], abs=0.02), "one in ACK_EVERY_S while more come"
    assert acks.may_be_sent(start + 0.94)


def test_a_clock_set_back_does_not_silence_acks() -> None:
    """A pace kept in wall time would wait for the old hour to come again."""
    acks, now = DeviceAcks(), 1795374300.0
    acks.sent(now)
    assert acks.may_be_sent(now - 3600)
    acks.sent(now - 3600)
    assert acks.may_be_sent(now - 3600 + ACK_EVERY_S)


def test_acks_that_go_at_once_do_not_open_the_gate_for_the_others() -> None:
    """A driver presses again and again while positions come: each press is told at once, the rest keeps the pace."""
    acks = DeviceAcks()
    acks.add(1, 1)
    paced = 0
    for turn in range(200):
        now = 1795320000 + turn * 0.005
        if turn % 20 == 0:
            acks.sent(now)
        elif acks.may_be_sent(now):
            acks.sent(now)
            paced += 1
    assert paced <= 1.0 / ACK_EVERY_S + 1
    assert acks.may_be_sent(1795320000 + 1.4)
