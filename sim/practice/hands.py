"""What people and things did on a day on record, done again: lanes that were blocked, presses, buttons of keepers, and
what everybody who was asked answered, each so long after the press as it was then.

The dispatcher's own deeds are among them only where the day is played as it was; else you decide.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from sim.practice.driven_then import Body, made_by
from sim.practice.stored_day import StoredDay, waste_grams
from sim.scenario.happenings import Stage
from sim.world.devices import Dispatcher
from sim.world.trucks import HOLD_BLOCKED_S, HOLD_BREAKDOWN_S, LOOKS_FIRST_S

LOOKS_EVERY_S = 1.0
TAKES_BACK_S, TAPS_S = 6.0, 0.3  # a short press withdraws; so long after the press where nobody knows better
OF_BLOCKED_LANE_S = 900.0  # before the press nobody knows since when it was
FREE_BEFORE_S = 30.0  # a lane is free before somebody says so
SAYS = {"seen": "see", "promised": "promise", "done": "finish", "refused": "refuse"}  # state of an answer: what is said

Deed = Callable[[str, int], Any]  # of an incident by its id, which was raised then


class Hands:
    """All that is done on a stage; `as_it_was`: the dispatcher's deeds too."""

    def __init__(self, day: StoredDay, stage: Stage, *, as_it_was: bool) -> None:
        self._day = day
        self._stage = stage
        self._waiting = dict(day.presses)
        self._known: set[tuple[str, str]] = set()  # presses on the screen that were matched, or are somebody else's
        self._as_it_was = as_it_was
        for versions in day.presses.values():
            self._breaks(versions)
        self._fill_again()
        stage.timeline.every(LOOKS_EVERY_S, self._look)

    # --- what happens to the world --------------------------------------------------------------------

    def _breaks(self, versions: Sequence[Body]) -> None:
        """What a driver pressed for."""
        press, last, stage = versions[0], versions[-1], self._stage
        truck, at = press["truck"], float(press["pressed_at"])
        if last["reason"] == "breakdown":
            driven = stage.trucks[truck]
            stage.timeline.at(at - LOOKS_FIRST_S - HOLD_BREAKDOWN_S, driven.break_down)
            moved_at = next((one["fix_at"] for one in self._day.fixes.get(truck, ())
                             if one["fix_at"] > at and (one["speed_mps"] or 0.0) >= 1.0), math.inf)  # fmt: skip
            if moved_at < math.inf:
                stage.timeline.at(moved_at, driven.repaired)
        elif last["workflow"] == "withdrawn" or press["room"] is None:
            button = stage.buttons[truck]
            stage.timeline.at(at - HOLD_BLOCKED_S, lambda: button.press(HOLD_BLOCKED_S))
            if last["workflow"] == "withdrawn":
                stage.timeline.at(max(at + 1, min(last["changed_at"], at + TAKES_BACK_S)), lambda: button.press(TAPS_S))
        else:
            self._blocks(press["room"], at, last)

    def _blocks(self, room: str, at: float, last: Body) -> None:
        """The lane of a room is blocked before the press, until somebody said it is free or a truck stood there."""
        stage, visits = self._stage, self._day.visits.values()
        left = [one["left_at"] for one in visits if one["room"] == room and one["left_at"] and one["left_at"] < at]
        came = [one["arrived_at"] for one in visits if one["room"] == room and (one["arrived_at"] or 0) > at]
        said = [one["at"] for one in self._day.keepers
                if one["device"] == room and one["event"] == "lane_clear" and one["at"] > at]  # fmt: skip
        estate = next((row for row in last["answers"] if row["id"] == "estate"), None)
        cleared_at = last["cleared_at"]
        if not said and cleared_at and (self._as_it_was or (estate is not None and estate["done_at"] == cleared_at)):
            said = [cleared_at]  # said on a page, by the estate or by whoever was at the screen
        free_at = min([*said[:1], *([cleared_at] if cleared_at else []), *came[:1]], default=None)

        def set_blocked(is_so: bool) -> Callable[[], None]:
            return lambda: stage.blocked.__setitem__(room, is_so)

        stage.timeline.at(max([at - OF_BLOCKED_LANE_S, *(one + 1 for one in left)]), set_blocked(True))
        if free_at is not None:
            stage.timeline.at(max(at + 1, free_at - FREE_BEFORE_S), set_blocked(False))
        for one in said[:1]:
            stage.timeline.at(one, lambda: stage.rooms[room].press("lane_clear"))

    def _fill_again(self) -> None:
        """Where a kind was fetched twice, what lay there the second time has come before it was."""
        places: dict[tuple[str, str], list[Body]] = defaultdict(list)
        for run_id in self._day.runs:
            for one in made_by(run_id, self._day.visits.values()):
                if one["grams_before"] is not None and one["bins_before"] is not None:
                    places[one["room"], one["waste"]].append(one)
        for (room, waste), made in places.items():
            made.sort(key=lambda one: one["arrived_at"])
            for before, after in pairwise(made):
                at, fill = (before["left_at"] + after["arrived_at"]) / 2, self._stage.rooms[room].load_by_hand
                self._stage.timeline.at(at, partial(fill, waste, waste_grams(after)))

    # --- what people say of presses ---------------------------------------------------------------------

    def _look(self) -> None:
        """A press is on the screen that was on it then: what was answered follows."""
        now = self._stage.timeline.now
        for incident in self._stage.plant.dispatcher.open_incidents():
            truck, incident_id = incident["truck"], incident["incident_id"]
            if (truck, incident_id) in self._known:
                continue
            self._known.add((truck, incident_id))
            key = self._like(truck, incident)
            if key is None:
                continue
            versions = self._waiting.pop(key)
            raised_at = incident["raised_at"]
            for after_s, deed in deeds_of(versions, self._stage.plant.dispatcher, dispatcher=self._as_it_was):
                self._stage.timeline.at(max(now, raised_at + after_s), partial(deed, incident_id, raised_at))

    def _like(self, truck: str, incident: Mapping[str, Any]) -> str | None:
        """The press of then that this one is: of the same truck, for the same reason and room, or its next."""
        of_truck = [key for key, versions in self._waiting.items() if versions[0]["truck"] == truck]
        same = [key for key in of_truck if self._waiting[key][0]["room"] == incident["room"]]
        return next(iter(same or of_truck), None)


def deeds_of(versions: Sequence[Body], hands: Dispatcher, *, dispatcher: bool) -> Iterator[tuple[float, Deed]]:
    """What was done about a press, and how many seconds after it was raised."""
    truck, then_at = versions[0]["truck"], versions[0]["raised_at"]
    before: Body = {**versions[0], "answers": (), "workflow": "raised", "decided_at": None}
    for body in versions:
        deed = _own_deed(before, body, versions[-1], hands) if dispatcher else None
        if deed is not None:
            yield float(body["changed_at"] - then_at), deed
        rows = {row["id"]: row for row in before["answers"]}
        for row in body["answers"]:
            earlier = rows.get(row["id"], {})
            new = (row["state"], row["until_at"]) != (earlier.get("state", "told"), earlier.get("until_at"))
            followed = row["since_at"] in (body["cleared_at"], body["closed_at"])  # nobody said it: it came of that
            if row["addressee"] != "dispatcher" and new and row["state"] in SAYS and not followed:
                for_s = None if row["until_at"] is None else row["until_at"] - then_at
                said = partial(_answer, hands, truck, row["id"], SAYS[row["state"]], for_s)
                yield float(row["since_at"] - then_at), said
        before = body


def _own_deed(before: Body, body: Body, last: Body, hands: Dispatcher) -> Deed | None:
    """What the dispatcher did between two versions of a press."""
    truck = body["truck"]
    if body["decided_at"] != before["decided_at"]:
        other = next((row["truck"] for row in last["answers"] if row["truck"]), None)
        return lambda incident_id, _: hands.decide(truck, incident_id, body["decision"], other)
    if body["workflow"] == before["workflow"]:
        return None
    if body["workflow"] == "acknowledged":
        return lambda incident_id, _: hands.acknowledge(truck, incident_id)
    return (lambda incident_id, _: hands.resolve(truck, incident_id)) if body["workflow"] == "resolved" else None


def _answer(
    hands: Dispatcher, truck: str, who: str, says: str, for_s: int | None, incident_id: str, raised_at: int
) -> None:
    """Who was asked says it, and promises as much time after the press as then."""
    hands.answer_for(truck, incident_id, who, says, None if for_s is None else raised_at + for_s)
