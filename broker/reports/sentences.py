"""The day report in sentences a person can read out; only what is known is said."""

from broker.reports.words import WORDS, word
from broker.rules.statistics.cube import Figures
from firmware.wire import SKIP_REASONS


def sentences(figures: Figures | None, day: str, language: str) -> list[str]:
    """What there is to say about a day."""
    if figures is None:
        return [word(language, "no_data", day=day)]
    said = [word(language, "visits", **figures)]
    unsettled = figures["visits"] - figures["served"] - figures["skipped"] - figures["cancelled"]
    if unsettled:
        said.append(word(language, "unsettled", count=unsettled))
    if figures["bins_known"]:
        said.append(word(language, "collected", **figures))
    elif figures["served"]:
        said.append(word(language, "collected_unknown"))
    if figures["grams_known"]:
        said.append(word(language, "collected_weight", kilograms=kilograms(figures["grams"]), **figures))
    skips = [(reason, figures[f"skipped_{reason}"]) for reason in SKIP_REASONS if figures[f"skipped_{reason}"]]
    if skips:
        names = WORDS.groups(language)["reason"]
        named = [word(language, "count_of", name=names[reason], count=count) for reason, count in skips]
        said.append(word(language, "skips", reasons=word(language, "separator").join(named)))
    for name in ("plan", "promise"):
        known = figures[f"{name}_known"]
        if known:
            late_s = figures[f"{name}_late_s"] / known
            mean = word(language, "late_by" if late_s >= 0 else "early_by", minutes=minutes(abs(late_s)))
            said.append(word(language, name, on_time=figures[f"{name}_on_time"], known=known, mean=mean))
    if figures["calls"]:
        said.append(
            word(language, "calls", calls=figures["calls"], scored=figures["calls_scored"],
                 good=figures["calls_13_to_19"], wide=figures["calls_11_to_21"], short=figures["calls_short"])
        )  # fmt: skip
    if figures["outside_known"]:
        outside_s, known = figures["outside_s"], figures["outside_known"]
        said.append(
            word(language, "outside", minutes=round(outside_s / 60), known=known, mean=minutes(outside_s / known))
        )
    if figures["incidents"] and figures["incidents"] == figures["incidents_open"]:
        said.append(word(language, "incidents_all_open", incidents=figures["incidents"]))
    elif figures["incidents"]:
        said.append(
            word(language, "incidents", incidents=figures["incidents"], open=figures["incidents_open"],
                 minutes=round(figures["incident_s"] / 60))
        )  # fmt: skip
    else:
        said.append(word(language, "no_incidents"))
    if figures["incidents_withdrawn"]:
        said.append(word(language, "withdrawn", count=figures["incidents_withdrawn"]))
    if figures["weighings"]:
        said.append(
            word(language, "weighings", count=figures["weighings"], kilograms=kilograms(figures["weighed_grams"]))
        )
    if figures["disagreements"]:
        said.append(word(language, "disagreements", count=figures["disagreements"]))
    return said


def kilograms(grams: int) -> str:
    """Grams as kilograms with one place."""
    return f"{grams / 1000:.1f}"


def minutes(seconds: float) -> str:
    """Seconds as minutes with one place; never minus zero."""
    return f"{round(seconds / 60, 1) + 0.0:.1f}"
