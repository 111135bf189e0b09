"""The verdict of a city finds what is lost, what is doubled and what never was."""

from broker.city.takeover import Gap
from sim.city.run import code_of
from sim.city.truth import added, in_gap, miscounted, truth_of, wrong_in
from sim.world.evidence import Evidence, StoredRecord, TrueVisit


def evidence() -> Evidence:
    found = Evidence(1000, 9000)
    found.recorded = {"t01:1:1": 1000.0, "t01:1:2": 2000.0, "t01:1:3": 8000.0}
    found.visits = [TrueVisit("t01", "r01", "residential_wet", 1, 1500, 1600, 2, run_id="a"),
                    TrueVisit("t01", "r02", "residential_wet", 1, 7000, 7100, 2, run_id="a")]  # fmt: skip
    return found


def fix(seq: int) -> StoredRecord:
    return StoredRecord(f"t01:1:{seq}", "fix", "t01", 1000, {})


def visit(room: str, state: str = "served", before: int | None = 2) -> StoredRecord:
    body = {"state": state, "run_id": "a", "room": room, "visit_number": 1, "bins_before": before, "bins_after": 0}
    return StoredRecord(f"visit:a/{room}/1:{state}", "visit", f"a/{room}/1", 1600, body)


def test_what_is_on_record_of_what_happened_until_then_is_right():
    truth = truth_of(evidence(), [fix(1), fix(2), visit("r01")], 5000)
    assert truth.faults == ()
    assert (truth.records, truth.visits, truth.bins) == (2, 1, 2)


def test_a_record_that_is_missing_is_named():
    (fault,) = truth_of(evidence(), [fix(1), visit("r01")], 5000).faults
    assert "t01:1:2" in fault


def test_a_visit_that_is_missing_or_was_never_made_is_named():
    faults = truth_of(evidence(), [fix(1), fix(2), visit("r01", "skipped"), visit("r03")], 5000).faults
    assert sorted(faults) == ["a/r01/1: was made and is not on record", "a/r03/1: is on record and was never made"]


def test_other_bins_than_were_emptied_are_named_and_unknown_ones_are_not_counted():
    assert truth_of(evidence(), [fix(1), fix(2), visit("r01", before=3)], 5000).faults == (
        "a/r01/1: 2 bins were emptied, 3 are on record",
    )
    assert truth_of(evidence(), [fix(1), fix(2), visit("r01", before=None)], 5000).bins == 0


def test_figures_are_added_by_name():
    assert added([{"visits": 2, "bins": 3}, {"visits": 1}]) == {"visits": 3, "bins": 3}


def test_what_was_made_and_is_not_on_record_or_with_other_bins_is_found_before_anybody_corrects_it():
    stored = [visit("r01", before=3), visit("r02", "skipped")]
    assert wrong_in(evidence(), stored, 9000).keys() == {"a/r01/1", "a/r02/1"}
    assert wrong_in(evidence(), stored, 5000).keys() == {"a/r01/1"}
    assert wrong_in(evidence(), [visit("r01"), visit("r02", before=None)], 9000) == {}
    assert miscounted(evidence(), stored, {"a/r01/1", "a/r02/1"}) == {"visit:a/r01/1:served": 2}
    assert miscounted(evidence(), stored, set()) == {}


def test_only_a_visit_that_its_own_devices_lost_records_of_may_be_corrected():
    made = evidence().visits[0]  # of t01 at r01, from 1500 to 1600

    def gap(device: str, after_at: int | None, before_at: int) -> Gap:
        return Gap("truck", device, 1, 2, 3, after_at, before_at)

    assert in_gap(made, [gap("t01", 1550, 1700)], missing=True)
    assert in_gap(made, [gap("t01", None, 1500)], missing=True)
    assert not in_gap(made, [gap("t01", 1721, 1800), gap("t02", 1500, 1600), gap("r01", 1500, 1600)], missing=True)
    assert not in_gap(made, [gap("t01", 1000, 1499)], missing=True)
    assert in_gap(made, [gap("r01", 700, 800)], missing=False), "its bins are counted from its call on"
    assert not in_gap(made, [gap("r02", 1500, 1600), gap("r01", 100, 500)], missing=False)


def test_a_slow_machine_excuses_what_failed_and_hides_nothing_that_held():
    assert [code_of(faults, excuse) for faults in ([], ["lost"]) for excuse in (None, "slow")] == [0, 0, 1, 3]
