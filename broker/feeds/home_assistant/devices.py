"""What Home Assistant is told of a room: one device with its lamps, next trucks and bins, read from the wire's topics.

A lamp is on while it is due, held or met by its truck; when it does not know, Home Assistant does not either. The
unit's own life says whether lamp and bins can be believed, the bridge's whether the next truck can.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from broker import NAME, __version__
from broker.plan.model import Plan, Room
from broker.reports.words import in_language, waste_word
from broker.words import Words
from firmware import wire

WORDS = Words(Path(__file__).parent / "words")
_LAMP = (
    "{% set lamp = value_json.lamps | selectattr('waste', 'in', ['WASTE', 'any']) | map(attribute='lamp') | first "
    "| default('no_data') %}{{ 'None' if lamp == 'no_data' else 'OFF' if lamp == 'off' else 'ON' }}"
)
_NEXT = "{{ value_json.eta_at | timestamp_utc if value_json.eta_at else 'None' }}"
_BINS = "{% set found = value_json.bins | selectattr('waste', 'eq', 'WASTE') | map(attribute='KEY') | first %}"
_COUNT = _BINS.replace("KEY", "count") + "{{ found if found is number else 'None' }}"
_KILOGRAMS = _BINS.replace("KEY", "grams") + "{{ found / 1000 if found is number else 'None' }}"
_LIFE = "{{ 'online' if value_json.life == 'ready' else 'offline' }}"


def node(area: str) -> str:
    """The level of its topics that is this area's alone."""
    return f"zhanpai_{_plain(area)}"


def devices(plan: Plan, prefix: str, language: str) -> dict[str, bytes]:
    """What is announced, by topic; each is retained."""
    area = f"{prefix}/device/{node(plan.area_id)}"
    return {
        f"{area}/{_plain(room.room_id)}/config": orjson.dumps(_device(plan, room, language))
        for room in plan.rooms.values()
    }


def _device(plan: Plan, room: Room, language: str) -> dict[str, Any]:
    return {
        "device": {
            "identifiers": [f"{node(plan.area_id)}_{_plain(room.room_id)}"],
            "name": in_language(room.name, language),
            "model": WORDS.say(language, "text", "model"),
            "manufacturer": NAME,
        },
        "origin": {"name": NAME, "sw_version": __version__},
        "components": dict(_components(plan.area_id, room, language)),
        "qos": 1,
    }


def _components(area: str, room: Room, language: str) -> Iterator[tuple[str, dict[str, Any]]]:
    of_unit = _available(wire.topic("life", area, room.room_id, family="room"))
    of_bridge = _available(wire.topic("life", area, family="bridge"))
    lamps, bins = (wire.topic(channel, area, room.room_id) for channel in ("lamp", "bins"))
    for waste in room.wastes:
        told = wire.topic("arrival", area, room.room_id, waste)
        parts: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
            ("lamp", lamps, _LAMP, {"platform": "binary_sensor", "icon": "mdi:alarm-light", **of_unit}),
            ("next", told, _NEXT, {"platform": "sensor", "device_class": "timestamp", **of_bridge}),
            ("bins", bins, _COUNT, {"platform": "sensor", "state_class": "measurement", "icon": "mdi:trash-can",
                                    **of_unit}),
            ("weight", bins, _KILOGRAMS, {"platform": "sensor", "device_class": "weight", "unit_of_measurement": "kg",
                                          "state_class": "measurement", **of_unit}),
        )  # fmt: skip
        for part, topic, template, more in parts:
            yield f"{part}_{waste}", {
                "unique_id": f"{node(area)}_{_plain(room.room_id)}_{part}_{waste}",
                "name": WORDS.say(language, "text", part, waste=waste_word(language, waste)),
                "state_topic": topic,
                "value_template": template.replace("WASTE", waste),
                **more,
            }


def _available(topic: str) -> dict[str, Any]:
    return {"availability_topic": topic, "availability_template": _LIFE}


def _plain(name: str) -> str:
    """An id in the letters that discovery takes; two ids never become one."""
    return re.sub(r"[^A-Za-z0-9_]", lambda sign: f"-{ord(sign[0]):02x}", name)
