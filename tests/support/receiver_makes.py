"""What a recorded receiver is like, in the numbers of `sim.world.gps.makes`: from its log to its make.

    .venv/bin/python -m tests.support.receiver_makes LOG ...      prints them

Only logs of receivers that stood still tell how far a place strays.
"""

import itertools
import math
import re
import statistics
import sys
from collections import Counter
from collections.abc import Sequence

from firmware.truck.gps.fix import EARTH_RADIUS_M
from firmware.truck.gps.nmea import Spoken, parse_sentence
from sim.scenario.scenes.tainan import shared_file
from sim.world.gps.makes import Make
from sim.world.gps.nmea import SLOW_MPS, Manner

KINDS = ("RMC", "GGA", "GLL", "GSA", "ZDA")
_SENTENCE = re.compile(r"\$([A-Z]{2})(RMC|GGA|GLL|GSA|ZDA),[^$]*\*[0-9A-F]{2}")


def make_of(log: str) -> Make:
    """The make that a log shows; raises DataAbsentError where the logs are not on this machine."""
    text = shared_file("nmea", f"{log}.log").read_bytes().decode("latin-1")
    lines = [found.group(0) for found in _SENTENCE.finditer(text)]
    said = [(line, spoken) for line in lines if (spoken := parse_sentence(line)) is not None]
    minimal = [(line, one) for line, one in said if line[3:6] == "RMC" and one.lat is not None]
    fields = minimal[0][0].split("*")[0].split(",")
    spread_m, lasts_s, every_s = _strays([one for _, one in minimal])
    speeds = [one.speed_mps or 0.0 for _, one in minimal]
    no_course = sum(one.bearing_deg is None for _, one in minimal if (one.speed_mps or 0.0) < SLOW_MPS)
    manner = Manner(
        minimal[0][0][1:3], _in_order(said), len(fields[1].partition(".")[2]), len(fields[3].partition(".")[2]),
        len(fields) > 12, no_course < len(minimal) / 2,
    )  # fmt: skip
    return Make(round(spread_m, 1), round(lasts_s), every_s, round(statistics.mean(speeds), 1), manner)


def _strays(places: Sequence[Spoken]) -> tuple[float, float, float]:
    """How far on either axis (a deviation), how long that lasts (by the next second's likeness), and every how long."""
    lat = [one.lat or 0.0 for one in places]
    lon = [one.lon or 0.0 for one in places]
    metres = math.radians(EARTH_RADIUS_M)
    axes = ([one * metres for one in lat], [one * metres * math.cos(math.radians(lat[0])) for one in lon])
    apart = [after - before for before, after in itertools.pairwise(one.day_s or 0.0 for one in places)]
    every_s = round(statistics.median(apart), 1)
    spread = math.sqrt(sum(statistics.pvariance(axis) for axis in axes) / 2)
    likeness = sum(map(_likeness, axes)) / 2
    return spread, -every_s / math.log(likeness) if 0 < likeness < 1 else every_s, every_s


def _likeness(axis: Sequence[float]) -> float:
    """How alike one is to the next, 0 to 1."""
    mean = statistics.mean(axis)
    all_of = sum((one - mean) ** 2 for one in axis)
    return sum((a - mean) * (b - mean) for a, b in itertools.pairwise(axis)) / all_of if all_of else 0.0


def _in_order(said: Sequence[tuple[str, Spoken]]) -> tuple[str, ...]:
    """The sentences of one instant in the order in which they mostly come, from the first with a new time on."""
    found: Counter[tuple[str, ...]] = Counter()
    instant: list[str] = []
    now_s: float | None = None
    for line, one in said:
        if one.day_s is not None and one.day_s != now_s:
            found[tuple(instant)] += 1
            instant, now_s = [], one.day_s
        if line[3:6] not in instant:
            instant.append(line[3:6])
    return found.most_common(1)[0][0]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f'    "{name}": {make_of(name)!r},')
