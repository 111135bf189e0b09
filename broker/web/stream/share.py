"""What of the picture is for whom: all of it for who acts for the area, and of the others each their own share.

- An estate (its keepers, its property): its rooms, the visits to them with the runs that make them, its incidents.
- A truck (its crew): its own row, its runs with all their visits and the rooms of those, its incidents.
- A contractor: the incidents that something is asked of it about.
- The scales, enforcement, committee and fire brigade: nothing of it; they have pages of their own.

What is named nowhere here is in nobody's share: a new section is for the whole area until it says whose it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Set
from typing import Any

from broker.people.roles import Reach
from broker.web.stream.changes import SECTIONS, Parts, Row, parts_of, picture_of

FOR_ALL = ("area", "link", "health", "limits", "plan", "old_since_at", "closures")  # of `about`
# The rest of it is said in a form that screens know, and says nothing of others' devices.
QUIET: dict[str, Row] = {
    "notices": {"is": []},
    "data": {
        "is": {
            "oldest_fix_at": None, "counts": {}, "refused": {}, "late_positions": 0, "wrong_clocks": 0, "trouble": None,
            "unstored": 0,
        }
    },
}  # fmt: skip


class Index:
    """Where in some parts whose rows are; made once for all who listen."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.rooms = _by((row["estate"], key) for key, row in parts["rooms"].items())
        self.visits = _by((row["room"], key) for key, row in parts["visits"].items())
        self.runs = _by((row["truck"], key) for key, row in parts["runs"].items())
        incidents = parts["incidents"].items()
        self.incidents_of_estate = _by((row["estate"], key) for key, row in incidents)
        self.incidents_of_truck = _by((row["truck"], key) for key, row in incidents)
        self.incidents_of_contractor = _by((firm, key) for key, row in incidents for firm in _asked(row))
        self.attention = _by((about, key) for key, row in parts["attention"].items() for about in _about(row))


def _by(pairs: Iterable[tuple[Any, str]]) -> dict[Any, list[str]]:
    found: dict[Any, list[str]] = defaultdict(list)
    for owner, key in pairs:
        found[owner].append(key)
    return found


def _asked(incident: Row) -> set[str]:
    """The contractors that are asked to do something about it."""
    return {row["party"] for row in incident.get("answers", ()) if row["addressee"] == "contractor"}


def _about(row: Row) -> list[tuple[str, str]]:
    """What an entry of the list is about: of a visit the room and the run, else the one thing that it names."""
    subject = row["subject"]
    if isinstance(subject, dict):
        return [("room", subject["room"]), ("run", subject["run_id"])]
    return [("truck", subject), ("run", subject)]


def share(index: Index, reach: Reach) -> Parts:
    """The parts that are within a reach; rows that are shown whole are the very same."""
    parts = index.parts
    rooms = _all(index.rooms, reach.estates)
    of_estate = _all(index.visits, rooms)
    of_truck = _all(index.runs, reach.trucks)
    visits = {*of_estate, *(key for run in of_truck for key in parts["runs"][run]["visits"])} & parts["visits"].keys()
    runs = of_truck | ({parts["visits"][key]["run_id"] for key in of_estate} & parts["runs"].keys())
    incidents = (
        _all(index.incidents_of_estate, reach.estates)
        | _all(index.incidents_of_truck, reach.trucks)
        | _all(index.incidents_of_contractor, reach.contractors)
    )
    about = {("room", key) for key in rooms} | {("run", key) for key in of_truck}
    about |= {("truck", key) for key in reach.trucks}
    rooms |= {parts["visits"][key]["room"] for key in visits} if reach.trucks else set()
    found: Parts = {section: {} for section in SECTIONS}
    found["about"] = {name: QUIET.get(name, row) for name, row in parts["about"].items() if name in (*FOR_ALL, *QUIET)}
    found["trucks"] = _rows(parts["trucks"], reach.trucks)
    found["rooms"] = _rows(parts["rooms"], rooms)
    found["visits"] = _rows(parts["visits"], visits)
    found["runs"] = {key: _run(row, visits) for key, row in _rows(parts["runs"], runs).items()}
    found["incidents"] = {key: without_offers(row) for key, row in _rows(parts["incidents"], incidents).items()}
    found["attention"] = _rows(parts["attention"], _all(index.attention, about))
    return found


def is_of(incident: Row, reach: Reach) -> bool:
    """Whether an incident is in the share of who has this reach."""
    own = reach.holds(estate=incident["estate"], truck=incident["truck"])
    return own or bool(reach.contractors & _asked(incident))


def without_offers(row: Row) -> Row:
    """An incident without what only who decides about it is offered: other trucks' rooms and times."""
    return {**row, "offers": []}


def _all(keys: dict[Any, list[str]], owners: Iterable[Any]) -> set[str]:
    return {key for owner in owners for key in keys.get(owner, ())}


def _rows(rows: dict[str, Row], keys: Set[str]) -> dict[str, Row]:
    return {key: rows[key] for key in sorted(keys) if key in rows}


def _run(row: Row, visits: set[str]) -> Row:
    """A run with those of its visits that are shown, and its own row where that is all of them."""
    shown = [key for key in row["visits"] if key in visits]
    return row if shown == row["visits"] else {**row, "visits": shown}


def shared(picture: Row, reach: Reach) -> Row:
    """A picture as far as it is within a reach: the picture itself for who acts for the area."""
    if reach.everything:
        return picture
    return picture_of(share(Index(parts_of(picture)), reach), picture["at"])
