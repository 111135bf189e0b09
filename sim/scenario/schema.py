"""The words of scenario files: every section, event and expectation with its keys, defaults and bounds."""

import math
from dataclasses import dataclass
from typing import Any

from broker.rules.bookings.fetching import FAILURES, REFUSALS
from broker.rules.states.case import KINDS
from firmware import wire
from sim.world.gps.makes import MAKES, MIXED


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section: its type, its default (`...` = must be given), its bounds or its words."""

    kind: type
    default: Any = ...
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()


SENSORS = {  # what counts and weighs in virtual rooms; `exact`: each number is the truth, at once
    "exact": (), "beams": ("beams",), "cell": ("cell",), "beams_and_cell": ("beams", "cell"),
    "ranger_and_cell": ("ranger", "cell"), "container": ("ranger",),
}  # fmt: skip
EVERY_VISIT = 1000
_DEVICE = Key(str)
_MINUTES = Key(float, ..., 0.01, 1440)
_UNKNOWN_S = float(wire.NO_DATA_S + wire.HEARTBEAT_S)  # a unit may learn of it so late
_HOW = Key(str, "stop", words=("stop", "kill", "freeze"))
_BROKER_HOW = Key(str, "stop", words=(*_HOW.words, "lose", "spoil"))
_WASTE_KIND = Key(str, words=wire.WASTES)
_TIMES = Key(float, 0.0, 0.0, 1.0)

SECTIONS: dict[str, dict[str, Key]] = {
    "scenario": {
        "about": Key(str),
        "date": Key(str, "2026-11-25"),
        "from": Key(str),
        "to": Key(str),
        "seed": Key(int, 1, 0, 2**31),
        "days": Key(int, 1, 1, 31),
    },
    "area": {
        "kind": Key(str, "demo", words=("demo", "feed", "tainan", "receiver")),
        "runs": Key(list, []),
        "bins_each": Key(int, -1, -1, 50),
        "leave": Key(dict, {}),
        "first_visits": Key(int, EVERY_VISIT, 1, EVERY_VISIT),
        "all_rooms": Key(bool, False),
        "standby": Key(list, []),
        "plan": Key(str, ""),
        "route": Key(str, ""),
        "log": Key(str, ""),
        "stops": Key(int, 4, 1, 50),
        "neighbours": Key(int, 0, 0, 50),
    },
    "world": {
        "slowness": Key(float, 1.0, 0.3, 5.0),
        "jitter": Key(float, 1.0, 0.0, 3.0),
        "gps_error_m": Key(float, 3.0, 0.0, 50.0),
        "gps_drift_m": Key(float, 0.0, 0.0, 200.0),
        "gps_drift_s": Key(float, 90.0, 1.0, 3600.0),
        "high_rises": _TIMES,
        "receiver": Key(str, "plain", words=("plain", *MAKES, MIXED)),
        "parallel_street": _TIMES,
        "jams": _TIMES,
        "red_lights": _TIMES,
        "stops_short": _TIMES,
        "two_from_one": _TIMES,
        "on_way_back": _TIMES,
        "crew_skips": _TIMES,
        "refill": Key(bool, True),
        "keeper_late": _TIMES,
        "bin_forgotten": _TIMES,
        "other_kind_out": _TIMES,
        "bin_refused": _TIMES,
        "crew_fetches": _TIMES,
        "keeper_early": _TIMES,
        "keepers_go_by": Key(str, "lamp", words=("lamp", "timetable", "always")),
        "rolls_out_before_min": Key(float, 15.0, 0.0, 120.0),
        "taken_in_again": _TIMES,
        "keeper_absent": _TIMES,
        "wrong_kind_out": _TIMES,
        "platform_walks": Key(float, 0.0, 0.0, 60.0),
        "unit_slow_clock": Key(float, 0.0, 0.0, 0.2),
        "wifi_drop_s": Key(float, 0.0, 0.0, 1800.0),
        "sensors": Key(str, "exact", words=tuple(SENSORS)),
    },
    "dispatcher": {
        "acknowledge_after_s": Key(float, -1.0, -1.0, 86400),
        "decide_after_s": Key(float, -1.0, -1.0, 86400),
        "decision": Key(str, "return_later", words=("return_later", "extra_truck", "wait", "cancel_visit")),
        "resolve_after_s": Key(float, -1.0, -1.0, 86400),
        "truck": Key(str, ""),
        "answer_after_s": Key(float, -1.0, -1.0, 86400),
    },
    "live": {"speed": Key(int, 20, 1, 60), "endless": Key(str, ""), "load_cells": Key(int, 2, 0, 100)},
}

HAPPENINGS: dict[str, dict[str, Key]] = {
    "lane_blocked": {"room": _DEVICE, "for_min": _MINUTES},
    "breakdown": {"truck": _DEVICE, "for_min": Key(float, 1440.0, 0.01, 1440), "reported": Key(bool, True)},
    "driver_late": {"truck": _DEVICE, "for_min": _MINUTES},
    "gps_gap": {"truck": _DEVICE, "for_min": _MINUTES},
    "old_place": {"truck": _DEVICE, "for_min": _MINUTES},
    "default_date": {"truck": _DEVICE, "for_min": _MINUTES},
    "place_drift": {"truck": _DEVICE, "drift_m": Key(float, 30.0, 1, 200), "for_min": _MINUTES},
    "link_slow": {"device": _DEVICE, "delay_s": Key(float, 5.0, 0.1, 60), "for_min": _MINUTES},
    "clock_jump": {"by_s": Key(float, ..., -86400, 86400), "for_min": _MINUTES},
    "disk_full": {"for_min": _MINUTES},
    "link_cut": {"device": _DEVICE, "for_min": _MINUTES},
    "broker_down": {"how": _BROKER_HOW, "for_min": _MINUTES},
    "bridge_down": {"how": _HOW, "for_min": _MINUTES},
    "power_cut": {"device": _DEVICE, "for_min": _MINUTES},
    "power_cut_after_press": {"truck": _DEVICE, "after_s": Key(float, 0.2, 0.0, 60), "for_min": _MINUTES},
    "press": {"truck": _DEVICE, "hold_s": Key(float, ..., 0.01, 3600), "chatters": Key(bool, False)},
    "button_stuck": {"truck": _DEVICE, "for_min": Key(float, ..., 0.1, 1440)},
    "booking": {
        "pile": Key(str),
        "by": Key(str, "t97"),
        "from": Key(str),
        "m3": Key(float, 1.0, 0.1, 50),
        "times": Key(float, 1.0, 0.0, 10),
        "accept_after_s": Key(float, 60.0, -1.0, 86400),
    },
    "on_booking": {
        "pile": Key(str),
        "says": Key(str, words=("decline", "fail", "dispute", "answer")),
        "reason": Key(str, "other", words=tuple(dict.fromkeys((*REFUSALS, *FAILURES)))),
        "text": Key(str, "—"),
    },
    "on_case": {
        "room": _DEVICE,
        "case": Key(str, "chronic_lane", words=KINDS),
        "says": Key(str, words=("open", "hand-over", "take-back", "answer", "close")),
        "text": Key(str, ""),
    },
    "second_unit": {"room": _DEVICE, "for_min": _MINUTES},
    "keeper_press": {"room": _DEVICE, "button": Key(str, words=wire.KEEPER_EVENTS)},
    "bins_moved": {"room": _DEVICE, "waste": _WASTE_KIND, "number": Key(int, ..., -50, 50)},
    "cell_drift": {"room": _DEVICE, "kg": Key(float, 5.0, -100, 100), "for_min": _MINUTES},
    "on_screen": {
        "truck": _DEVICE,
        "action": Key(str, words=("acknowledge", "decide", "resolve")),
        "decision": Key(str, "return_later", words=("return_later", "extra_truck", "wait", "cancel_visit")),
        "other": Key(str, ""),
    },
    "answer": {
        "truck": _DEVICE,
        "of": Key(str, "estate"),
        "says": Key(str, words=("see", "promise", "finish", "refuse", "set_out")),
        "within_min": Key(int, 15, 1, 720),
    },
    "on_screen_visit": {
        "run": Key(str),
        "room": _DEVICE,
        "visit_number": Key(int, 1, 1, 99),
        "action": Key(str, words=("serve", "skip")),
        "reason": Key(str, "other", words=wire.SKIP_REASONS),
    },
    "on_screen_alarm": {
        "alarm": Key(str),
        "action": Key(str, words=("see", "shelve", "unshelve", "out-of-service", "back")),
        "shelf_min": Key(float, 30.0, 1.0, 7 * 1440.0),
    },
    "truck_full": {"truck": _DEVICE, "unload_min": Key(float, 12.0, 0.0, 240.0)},
    "road_closed": {"room": _DEVICE, "other_room": Key(str, ""), "for_min": _MINUTES},
    "waste_thrown": {"room": _DEVICE, "waste": _WASTE_KIND, "kg": Key(float, ..., -2000, 2000)},
}

_SHARE = Key(float, 1.0, 0.0, 1.0)
_ROOM, _TRUCK = Key(str), Key(str)
_WASTE = Key(str, "")

DEMANDS: dict[str, dict[str, Key]] = {
    "visits_served": {
        "share": _SHARE,
        "at_least": Key(int, 1, 1, 10000),
        "within_s": Key(float, 90.0, 0, 3600),
        "by_word": Key(int, 0, 0, 1000),
    },
    "visits_right": {
        "share": Key(float, 0.99, 0.0, 1.0),
        "within_s": Key(float, 60.0, 0, 3600),
        "never_made": Key(int, 0, 0, 1000),
        "called_after": Key(int, 0, 0, 1000),
        "sums_within": Key(float, 0.02, 0.0, 1.0),
        "unknown_share": Key(float, 0.05, 0.0, 1.0),
        "at_least": Key(int, 1, 1, 10000),
    },
    "one_call_per_visit": {"at_least": Key(int, 1, 1, 10000)},
    "lamp_lead": {
        "low_min": Key(float, 13.5, 0, 120),
        "high_min": Key(float, 19.5, 0, 120),
        "share": _SHARE,
        "at_least": Key(int, 1, 1, 10000),
    },
    "lamp_lit_before_arrival": {"at_least": Key(int, 1, 1, 10000), "share": _SHARE},
    "lamp_off_after_departure": {"within_s": Key(float, 90.0, 0, 3600), "at_least": Key(int, 1, 1, 10000)},
    "no_lamp_from_late_data": {"truck": _TRUCK},
    "never_dark_while_unknown": {"grace_s": Key(float, _UNKNOWN_S, 0, 3600), "at_least": Key(int, 1, 1, 10000)},
    "lamp_shows": {
        "room": _ROOM,
        "waste": _WASTE,
        "shown": Key(str, words=("off", "due", "held", "at_stop", "no_data")),
        "from": Key(str),
        "to": Key(str),
    },
    "lamp_stays_lit": {"from": Key(str), "to": Key(str), "at_least": Key(int, 1, 1, 1000)},
    "booked_truck_came": {
        "late_min": Key(float, 0.0, 0, 600),
        "within_s": Key(float, 90.0, 0, 3600),
        "at_least": Key(int, 1, 1, 1000),
    },
    "booking_went": {"pile": Key(str), "states": Key(list)},
    "press_stored_once": {"truck": _TRUCK, "presses": Key(int, 1, 1, 100), "reason": Key(str, "")},
    "light_stages": {"truck": _TRUCK, "stages": Key(list)},
    "acknowledged": {"truck": _TRUCK, "within_s": Key(float, 10.0, 0, 3600)},
    "answered": {
        "truck": _TRUCK,
        "of": Key(str),
        "states": Key(list),
        "kept": Key(int, 0, 0, 100),
        "broken": Key(int, 0, 0, 100),
    },
    "case_suggested": {"room": _ROOM, "times": Key(int, 3, 1, 100)},
    "case_went": {"room": _ROOM, "states": Key(list), "evidence": Key(int, 1, 1, 200)},
    "second_visit": {"room": _ROOM, "within_min": Key(float, 240.0, 0, 1440)},
    "itinerary_changed": {"truck": _TRUCK, "within_s": Key(float, 10.0, 0, 3600)},
    "visits_taken_over": {"truck": _TRUCK},
    "visited_between": {"room": _ROOM, "from": Key(str), "to": Key(str)},
    "backlog_marked_late": {"device": _DEVICE, "at_least": Key(int, 1, 1, 100000)},
    "positions_true": {
        "truck": _TRUCK,
        "within_m": Key(float, 30.0, 0, 1000),
        "at_least": Key(int, 1, 1, 100000),
    },
    "bins_collected": {
        "grams_within": Key(float, 0.02, 0.0, 1.0),
        "unweighed_share": Key(float, 0.05, 0.0, 1.0),  # the first day's bins that came back hours later, if ever
        "unlearned_share": Key(float, 0.1, 0.0, 0.9),  # stays in which the bridge was not sure of what it saw
        "timezone": Key(str, "Asia/Shanghai"),
        "at_least": Key(int, 1, 1, 100000),
    },
    "alarms_told": {"alarms": Key(list), "most_10_min": Key(int, 10, 1, 1000)},
    "invariants": {},
    "records_stored_once": {"at_least": Key(int, 1, 1, 1000000)},
}
