"""The scores of calls as cells of a table, in one language."""

from collections.abc import Mapping, Sequence

from broker.reports.words import WORDS, word
from broker.rules.statistics.calls import CallScore
from broker.words import filled

CALL_HEADS = (
    "calls_made", "in_band", "unmet", "outside_band", "median_lead", "late_than_promised", "furthest_lead", "off_most",
)  # fmt: skip
FEW_HEADS = ("calls_made", "in_band", "outside_band", "median_lead", "furthest_lead", "off_most")  # of a report


def call_cells(
    one: CallScore, by: Sequence[str], language: str, named: Mapping[str, str], heads: Sequence[str] = CALL_HEADS
) -> tuple[str, ...]:
    """What a score is of, by these of its dimensions, and its cells below these heads; `named` are the plan's names."""
    kinds = WORDS.groups(language)["call_kind"]

    def name(each: str) -> str:
        value = getattr(one, each)
        return (kinds if each == "kind" else named).get(value, value) or word(language, "unknown")

    def minutes(seconds: int | None) -> str:
        return word(language, "unknown") if seconds is None else f"{round(seconds / 60, 1) + 0.0:.1f}"  # no "-0.0"

    cells = {
        "calls_made": str(one.calls), "in_band": f"{one.calls_13_to_19}/{one.scored}", "unmet": str(one.unmet),
        "outside_band": minutes(one.outside_band_s), "median_lead": minutes(one.median_lead_s),
        "late_than_promised": minutes(one.median_late_s), "furthest_lead": minutes(one.worst_lead_s),
        "off_most": _off(one, language, named),
    }  # fmt: skip
    return (*map(name, by), *(cells[head] for head in heads))


def _off(one: CallScore, language: str, named: Mapping[str, str]) -> str:
    """What was off most, where it is known."""
    sentence = WORDS.groups(language)["off"].get(one.off_most or "")
    if sentence is None or one.off_room is None or one.off_s is None:
        return ""
    room = named.get(one.off_room, one.off_room)
    return filled(sentence, {"room": room, "minutes": f"{round(one.off_s / 60, 1) + 0.0:+.1f}"})
