"""Where the week lies, and before which day it was."""

import datetime
from pathlib import Path

from sim.scenario.scenario import Scenario

HERE = Path(__file__).parent
RECORDS = HERE / "records.jsonl.xz"  # as `python3 -m broker export` writes them
PICTURES = HERE / "pictures.jsonl.xz"  # what the screen of the last day showed: one change a line
FIRST_DAY, LAST_DAY = datetime.date(2026, 11, 18), datetime.date(2026, 11, 24)
RUNS = ("wet-north-1", "wet-south-1", "dry-west-1", "dry-east-1")  # those of every day
BOOTS_A_DAY = 10  # room for a plug that is pulled
BOOTS = BOOTS_A_DAY * ((LAST_DAY - FIRST_DAY).days + 1)  # a room's unit was switched on at most so often in it


def is_before(scenario: Scenario) -> bool:
    """Whether it is the week before this scenario's day, in its area with all that the week has."""
    area = scenario.area
    has_all = not area["runs"] or (area["all_rooms"] and {*RUNS} <= {*area["runs"]})
    return area["kind"] == "demo" and has_all and scenario.date == LAST_DAY + datetime.timedelta(days=1)
