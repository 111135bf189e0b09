"""What may happen in a scenario, by the word of its event: each begins something on the stage.

What lasts gives back how it ends. A scenario file ends it after `for_min`; a tester at the panel ends it by hand.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.rules.settings import BookingSettings
from sim.scenario.scenario import day_s
from sim.world.button import Button
from sim.world.devices import Plant
from sim.world.evidence import Evidence, Interval
from sim.world.gps.sky import Drift
from sim.world.piles import PileTruth
from sim.world.rooms import RoomTruth
from sim.world.timeline import Timeline
from sim.world.trucks import TruckTruth

Values = Mapping[str, Any]
End = Callable[[], None]


WINDOW_S = BookingSettings().window_s
DRIFTS_FOR_S = 60.0  # then a place is off another way
# What needs a truck's computer and its button, and nobody who drives it.
OF_ANY_TRUCK = ("press", "button_stuck", "on_screen", "answer", "power_cut_after_press")


@dataclass(slots=True)
class Stage:
    """Who and what is there for something to happen to."""

    timeline: Timeline
    evidence: Evidence
    plant: Plant
    trucks: Mapping[str, TruckTruth]
    rooms: Mapping[str, RoomTruth]
    blocked: dict[str, bool]
    closed: set[str] = field(default_factory=set)  # rooms to which, as everybody knows, no road leads now
    after_press: dict[str, Callable[[], None]] = field(default_factory=dict)  # truck: what its next press brings
    piles: Mapping[str, PileTruth] = field(default_factory=dict)
    booked: dict[str, str] = field(default_factory=dict)  # pile: the booking that a truck comes for
    bookings: dict[str, str] = field(default_factory=dict)  # pile: the newest booking of it
    buttons: Mapping[str, Button] = field(default_factory=dict)  # of every truck, driven or recorded

    def last(self, kind: str, values: Values) -> None:
        """Begin what ends after `for_min`."""
        end = HAPPENS[kind](self, values)
        if end is not None:
            self.timeline.after(values["for_min"] * 60, end)


def _lane_blocked(stage: Stage, values: Values) -> End:
    room, start = values["room"], stage.timeline.now
    stage.blocked[room] = True

    def end() -> None:
        stage.blocked[room] = False
        stage.evidence.blocked.setdefault(room, []).append(Interval(start, stage.timeline.now))
        stage.rooms[room].lane_cleared()

    return end


def _breakdown(stage: Stage, values: Values) -> End:
    truck = stage.trucks[values["truck"]]
    truck.break_down(reported=values["reported"])
    return truck.repaired


def _driver_late(stage: Stage, values: Values) -> End:
    truck = stage.trucks[values["truck"]]
    truck.waits = True

    def end() -> None:
        truck.waits = False

    return end


def _gps_gap(stage: Stage, values: Values) -> End:
    truck, start = stage.trucks[values["truck"]], stage.timeline.now
    truck.receiver.blind = True

    def end() -> None:
        truck.receiver.blind = False
        stage.evidence.gps_gaps.setdefault(truck.truck_id, []).append(Interval(start, stage.timeline.now))

    return end


def _receiver(fault: str) -> Callable[[Stage, Values], End]:
    def begin(stage: Stage, values: Values) -> End:
        receiver = stage.trucks[values["truck"]].receiver
        setattr(receiver, fault, True)
        return lambda: setattr(receiver, fault, False)

    return begin


def _place_drift(stage: Stage, values: Values) -> End:
    truck = values["truck"]
    receiver = stage.trucks[truck].receiver
    receiver.strays = Drift(values["drift_m"], DRIFTS_FOR_S, random.Random(f"{truck} {stage.timeline.now} strays"))

    def end() -> None:
        receiver.strays = None

    return end


def _link_cut(stage: Stage, values: Values) -> End:
    stage.plant.link(values["device"], False)
    return lambda: stage.plant.link(values["device"], True)


def _link_slow(stage: Stage, values: Values) -> End:
    stage.plant.slow(values["device"], values["delay_s"])
    return lambda: stage.plant.slow(values["device"], 0.0)


def _broker_down(stage: Stage, values: Values) -> End:
    stage.plant.broker(False, values["how"])
    return lambda: stage.plant.broker(True, values["how"])


def _bridge_down(stage: Stage, values: Values) -> End:
    stage.plant.bridge(False, values["how"])
    return lambda: stage.plant.bridge(True, values["how"])


def _clock_jump(stage: Stage, values: Values) -> End:
    stage.plant.bridge_clock(values["by_s"])
    return lambda: stage.plant.bridge_clock(0.0)


def _disk_full(stage: Stage, values: Values) -> End:  # noqa: ARG001 - there is one such disk
    stage.plant.disk(True)
    return lambda: stage.plant.disk(False)


def _cell_drift(stage: Stage, values: Values) -> End:
    room = stage.rooms[values["room"]]
    room.weighs_more(round(values["kg"] * 1000))
    return lambda: room.weighs_more(0)


def _power_cut(stage: Stage, values: Values) -> End:
    device, start = values.get("device") or values["truck"], stage.timeline.now
    stage.plant.power(device, False)

    def end() -> None:
        stage.evidence.unpowered.setdefault(device, []).append(Interval(start, stage.timeline.now))
        stage.plant.power(device, True)

    return end


def _power_cut_after_press(stage: Stage, values: Values) -> None:
    def cut() -> None:
        stage.timeline.after(values["after_s"], lambda: stage.last("power_cut", values))

    stage.after_press[values["truck"]] = cut


def _press(stage: Stage, values: Values) -> None:
    stage.buttons[values["truck"]].press(values["hold_s"], values["chatters"])


def _button_stuck(stage: Stage, values: Values) -> End:
    button = stage.buttons[values["truck"]]
    button.stick()
    return button.free


def _booking(stage: Stage, values: Values) -> None:
    """A property books; a while later the truck's crew says yes."""
    pile, now = values["pile"], stage.timeline.now
    from_at = stage.evidence.day_start_at + day_s(values["from"], "booking")
    litres = round(values["m3"] * 1000)
    booking = stage.plant.dispatcher.book(pile, values["by"], int(from_at), litres)
    stage.evidence.asked_for.append((now, pile, from_at, from_at + WINDOW_S))
    if booking is None:
        return
    stage.piles[pile].litres += round(litres * values["times"])
    stage.booked[pile] = stage.bookings[pile] = booking

    def accept() -> None:
        stage.plant.dispatcher.accept(booking)

    if values["accept_after_s"] >= 0:
        stage.timeline.after(values["accept_after_s"], accept)


def _on_booking(stage: Stage, values: Values) -> None:
    """Somebody says something of the newest booking of a pile."""
    booking, deed = stage.bookings.get(values["pile"]), values["says"]
    if booking is not None:
        by_reason = deed in ("decline", "fail")
        reason, text = (values["reason"], None) if by_reason else (None, values["text"])
        stage.plant.dispatcher.say_of_booking(booking, deed, reason, text)


def _on_case(stage: Stage, values: Values) -> None:
    """What happened again and again at a room becomes a case, and goes its way."""
    stage.plant.dispatcher.say_of_case(values["case"], values["room"], values["says"], values["text"] or None)


def _second_unit(stage: Stage, values: Values) -> End:
    room, start = values["room"], stage.timeline.now
    stage.plant.second_unit(room, True)

    def end() -> None:
        stage.plant.second_unit(room, False)
        stage.evidence.second_units.setdefault(room, []).append(Interval(start, stage.timeline.now))

    return end


def _keeper_press(stage: Stage, values: Values) -> None:
    stage.rooms[values["room"]].press(values["button"])


def _bins_moved(stage: Stage, values: Values) -> None:
    stage.rooms[values["room"]].move_by_hand(values["waste"], values["number"])


def _waste_thrown(stage: Stage, values: Values) -> None:
    stage.rooms[values["room"]].load_by_hand(values["waste"], round(values["kg"] * 1000))


def _on_screen(stage: Stage, values: Values) -> None:
    """A person at the screen does this to each open incident of a truck."""
    dispatcher, truck = stage.plant.dispatcher, values["truck"]
    for incident in dispatcher.open_incidents():
        if incident["truck"] != truck:
            continue
        if values["action"] == "acknowledge":
            if dispatcher.acknowledge(truck, incident["incident_id"]):
                stage.evidence.acknowledged.append((stage.timeline.now, truck))
        elif values["action"] == "decide":
            dispatcher.decide(truck, incident["incident_id"], values["decision"], values.get("other") or None)
        else:
            dispatcher.resolve(truck, incident["incident_id"])


def _answer(stage: Stage, values: Values) -> None:
    """Who is asked about the open incidents of a truck answers."""
    dispatcher, truck = stage.plant.dispatcher, values["truck"]
    for incident in dispatcher.open_incidents():
        if incident["truck"] == truck and any(row["id"] == values["of"] for row in incident["answers"]):
            until_at = round(stage.timeline.now + 60 * values["within_min"]) if values["says"] == "promise" else None
            dispatcher.answer_for(truck, incident["incident_id"], values["of"], values["says"], until_at)


def _on_screen_visit(stage: Stage, values: Values) -> None:
    """A person at the screen says of a visit that it was made after all, or is to be skipped."""
    visit = values["run"], values["room"], values["visit_number"]
    stage.plant.dispatcher.answer(visit, values["action"] == "serve", values["reason"])


def _on_screen_alarm(stage: Stage, values: Values) -> None:
    """A person at the screen does this to each alarm of a word, whose subject has a part."""
    word, _, part = values["alarm"].partition(" ")
    stage.plant.dispatcher.answer_alarm(word, part, values["action"], round(60 * values["shelf_min"]))


def _truck_full(stage: Stage, values: Values) -> None:
    """The crew says so, and its truck is emptied before it goes on."""
    if stage.plant.dispatcher.say_full(values["truck"]):
        stage.trucks[values["truck"]].go_and_unload(values["unload_min"] * 60)


def _road_closed(stage: Stage, values: Values) -> End:
    until_at = stage.timeline.now + values["for_min"] * 60
    room, other = values["room"], values["other_room"] or None
    stage.plant.dispatcher.close_road(room, other, round(until_at))
    if other is None:
        stage.closed.add(room)
    return lambda: stage.closed.discard(room)


HAPPENS: dict[str, Callable[[Stage, Values], End | None]] = {
    "lane_blocked": _lane_blocked,
    "breakdown": _breakdown,
    "driver_late": _driver_late,
    "gps_gap": _gps_gap,
    "old_place": _receiver("stuck"),
    "default_date": _receiver("undated"),
    "place_drift": _place_drift,
    "link_cut": _link_cut,
    "link_slow": _link_slow,
    "broker_down": _broker_down,
    "bridge_down": _bridge_down,
    "clock_jump": _clock_jump,
    "cell_drift": _cell_drift,
    "disk_full": _disk_full,
    "power_cut": _power_cut,
    "power_cut_after_press": _power_cut_after_press,
    "press": _press,
    "button_stuck": _button_stuck,
    "booking": _booking,
    "on_booking": _on_booking,
    "on_case": _on_case,
    "second_unit": _second_unit,
    "keeper_press": _keeper_press,
    "bins_moved": _bins_moved,
    "waste_thrown": _waste_thrown,
    "on_screen": _on_screen,
    "answer": _answer,
    "on_screen_visit": _on_screen_visit,
    "on_screen_alarm": _on_screen_alarm,
    "truck_full": _truck_full,
    "road_closed": _road_closed,
}
