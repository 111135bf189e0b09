"""The verdict of a city finds what is lost, what is doubled and what never was."""

from sim.city.truth import added, miscounted, truth_of
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


def test_bins_are_asked_for_only_where_a_visit_lay_in_the_gap_and_its_number_is_another():
    stored = [visit("r01", before=3), visit("r02", before=3)]
    assert miscounted(evidence(), stored, 1550, 6000) == {"visit:a/r01/1:served": 2}
    assert miscounted(evidence(), [visit("r01"), visit("r02", before=None)], 0, 9000) == {}
