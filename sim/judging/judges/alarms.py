"""Judges of what people are told to look at: these alarms in this order, no other, and never more than can be read."""

from collections.abc import Mapping
from typing import Any

from sim.judging.sentence import Sentence, said
from sim.judging.verdict import Verdict, clock, verdict
from sim.world.evidence import Evidence

WINDOW_S = 600
NO_ALARM = "alarm_flood"  # it says only that there are many: judged where it is asked for


def alarms_told(evidence: Evidence, values: Mapping[str, Any]) -> Verdict:
    """People were told of these alarms, each `word part-of-what-it-is-about`, in this order, and of no other; with the
    presses never of more than `most_10_min` in ten minutes."""
    told: dict[tuple[str, int], str] = {}
    uncounted = () if NO_ALARM in values["alarms"] else (NO_ALARM,)
    for record in evidence.stored_of("alarm"):
        at = record.body["announced_at"]
        if at is not None and at >= evidence.start_at and record.body["word"] not in uncounted:
            told.setdefault((record.key, at), record.body["word"])
    came = sorted((at, word, about) for (about, at), word in told.items())
    presses = [press.at for press in evidence.presses if press.meant in ("lane_blocked", "breakdown")]
    rest, faults = list(came), list[Sentence]()
    missing: list[str] = []
    for wanted in values["alarms"]:
        word, _, part = wanted.partition(" ")
        found = next((one for one in rest if one[1] == word and part in one[2]), None)
        if found is None:
            missing.append(wanted)
            continue
        if came.index(found) < max((came.index(one) for one in came if one not in rest), default=-1):
            faults.append(said("fault", "alarm_order", alarm=wanted, at=clock(evidence, found[0])))
        rest.remove(found)
    faults += [said("fault", "alarm_more", alarm=word, about=about, at=clock(evidence, at)) for at, word, about in rest]
    moments = sorted([*(at for at, _, _ in came), *presses])
    most = max((sum(at <= other < at + WINDOW_S for other in moments) for at in moments), default=0)
    if most > values["most_10_min"]:
        faults.append(said("fault", "alarm_flood", most=values["most_10_min"], found=most))
    seen = [said("names", "alarm_at", at=clock(evidence, at), alarm=word, about=about) for at, word, about in came]
    lacks = said("lacks", "alarms", alarms=missing) if missing else None
    return verdict("alarms_told", faults, lacks, alarms=len(came), told=seen, most=most)
