"""Rooms as devices of Home Assistant: what it makes of what our devices say, and that all of it can be taken back."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from broker.feeds.home_assistant.announcer import AT_ONCE, Announcer
from broker.feeds.home_assistant.devices import devices
from broker.plan.demo_area import demo_plan
from firmware import wire
from tests.support.bridge.own_bridge import SLOW_S, OwnBridge
from tests.support.processes import Client, need_mosquitto, wait_until
from tests.support.settings.home_assistant import Broker, told

WET = "residential_wet"
ON = "[home_assistant]\nenabled = true\nlanguage = \"en\"\n"


class House:
    """Home Assistant, as far as its documentation says what it does with a device's discovery message."""

    def __init__(self, discovered: bytes) -> None:
        self.device = json.loads(discovered)
        self._topics: dict[str, bytes] = {}
        self._jinja = Environment()
        self._jinja.filters["timestamp_utc"] = lambda at: datetime.fromtimestamp(at, UTC).isoformat()

    def hears(self, channel: str, body: dict[str, Any], *item: str, family: str = "") -> None:
        """A message of a device or the bridge, as the wire packs it."""
        device = () if family == "bridge" else ("r01",)
        topic = wire.topic(channel, "xh", *device, *item, family=family)
        self._topics[topic] = wire.pack(topic, body)

    def state(self, name: str) -> str:
        """What one entity shows; `unavailable` and `unknown` as it has them."""
        one = self.device["components"][name]
        if self._read(one["availability_topic"], one["availability_template"]) != "online":
            return "unavailable"
        shown = self._read(one["state_topic"], one["value_template"])
        return "unknown" if shown in (None, "None") else shown

    def _read(self, topic: str, template: str) -> str | None:
        payload = self._topics.get(topic)
        if payload is None:
            return None
        return self._jinja.from_string(template).render(value_json=json.loads(payload)).strip()


@pytest.fixture
def house() -> House:
    """With one room whose unit and bridge are there."""
    made = House(devices(demo_plan(), "homeassistant", "en")["homeassistant/device/zhanpai_xh/r01/config"])
    made.hears("life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, family="room")
    made.hears("life", {"life": "ready", "at": 1, "fw": "1.0.0"}, family="bridge")
    return made


@pytest.mark.parametrize(
    ("lamp", "shown"),
    [("due", "ON"), ("held", "ON"), ("at_stop", "ON"), ("off", "OFF"), ("no_data", "unknown")],
)
def test_a_lamp_is_on_off_or_not_known(house: House, lamp: str, shown: str) -> None:
    """Of its own kind, or the one for all; dark never means that nobody knows."""
    for waste in (WET, "any"):
        row = {"waste": waste, "lamp": lamp, "lit": False, "call_id": None}
        other = {"waste": "hazardous", "lamp": "off", "lit": False, "call_id": None}
        house.hears("lamp", {"boot": 1, "seq": 2, "at": 5, "lamps": [row, other]})
        assert house.state(f"lamp_{WET}") == shown
    house.hears("lamp", {"boot": 1, "seq": 3, "at": 5, "lamps": []})
    assert house.state(f"lamp_{WET}") == "unknown"


def test_the_next_truck_is_a_moment(house: House) -> None:
    """In UTC; none where nobody knows when."""
    body = {
        "call_id": None, "waste": WET, "state": "scheduled", "truck": "t01", "run_id": "x", "visit_number": 1,
        "eta_at": 1795384800, "early_at": 1795384700, "late_at": 1795384900, "sent_at": 1795384000,
    }  # fmt: skip
    house.hears("arrival", body, WET)
    assert house.state(f"next_{WET}") == "2026-11-22T22:00:00+00:00"
    house.hears("arrival", {**body, "eta_at": None, "early_at": None, "late_at": None}, WET)
    assert house.state(f"next_{WET}") == "unknown"


def test_bins_are_counted_and_weighed(house: House) -> None:
    """A room that only counts has no weight; a kind that is not there is not nought."""
    row = {"waste": WET, "count": 0, "grams": 61_500, "quality": 0}
    house.hears("bins", {"boot": 1, "seq": 2, "at": 5, "late": False, "bins": [row]})
    assert (house.state(f"bins_{WET}"), house.state(f"weight_{WET}")) == ("0", "61.5")
    house.hears("bins", {"boot": 1, "seq": 3, "at": 5, "late": False, "bins": [{**row, "grams": None}]})
    assert (house.state(f"weight_{WET}"), house.state("bins_hazardous")) == ("unknown", "unknown")


def test_what_is_away_is_not_available(house: House) -> None:
    """The unit's life for what it sees, the bridge's for what is expected."""
    house.hears("life", {"life": "lost", "boot": 1}, family="room")
    assert house.state(f"lamp_{WET}") == house.state(f"bins_{WET}") == "unavailable"
    assert house.state(f"next_{WET}") == "unknown"
    house.hears("life", {"life": "lost", "at": 2, "fw": "1.0.0"}, family="bridge")
    assert house.state(f"next_{WET}") == "unavailable"


def test_every_room_is_a_device_with_names_of_one_language() -> None:
    """Ids are one thing's alone, in the letters that discovery takes; each entity reads a topic of its own room."""
    plan = demo_plan()
    odd = replace(plan.rooms["r01"], room_id="r.01")
    plan = replace(plan, rooms={**plan.rooms, "r.01": odd, "r-01": replace(odd, room_id="r-01")})
    ids: list[str] = []
    for language, chinese in (("zh", True), ("en", False)):
        found = devices(plan, "ha", language)
        assert len(found) == len(plan.rooms)
        for topic, payload in found.items():
            prefix, kind, area, room, last = topic.split("/")
            assert (prefix, kind, last) == ("ha", "device", "config")
            assert (area + room).replace("_", "").replace("-", "").isalnum()
            device = json.loads(payload)
            ids += [one["unique_id"] for one in device["components"].values()] if language == "en" else []
            names = [device["device"]["name"], *(one["name"] for one in device["components"].values())]
            assert all(name.isascii() is not chinese for name in names), names
            assert {"platform", "unique_id", "name", "state_topic", "value_template"} <= set.intersection(
                *(set(one) for one in device["components"].values())
            )
    assert len(ids) == len(set(ids)) == 4 * sum(len(room.wastes) for room in plan.rooms.values())


# What Home Assistant's MQTT integration takes and asks for, by its published schema: home-assistant/core, commit
# 0f5c1b54, homeassistant/components/mqtt/schemas.py, and its pages of mqtt, sensor.mqtt and binary_sensor.mqtt.
AVAILABLE = {
    "availability", "availability_mode", "availability_template", "availability_topic", "payload_available",
    "payload_not_available",
}  # fmt: skip
TAKES = {
    "": AVAILABLE | {"device", "origin", "components", "state_topic", "command_topic", "qos", "encoding"},
    "device": {"identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version", "serial_number",
               "sw_version", "via_device", "suggested_area", "configuration_url"},
    "origin": {"name", "sw_version", "support_url"},
    "any": AVAILABLE | {"platform", "unique_id", "name", "state_topic", "value_template", "icon", "device_class", "qos",
                        "default_entity_id", "enabled_by_default", "entity_category", "entity_picture", "encoding",
                        "expire_after", "force_update", "json_attributes_template", "json_attributes_topic"},
    "sensor": {"state_class", "unit_of_measurement", "suggested_display_precision", "last_reset_value_template",
               "options"},
    "binary_sensor": {"off_delay", "payload_on", "payload_off"},
}  # fmt: skip
UNITS = {"weight": {"g", "kg", "mg", "oz", "lb", "st", "µg", "t"}, "timestamp": {None}}  # of the device classes we use
DISCOVERED = re.compile(r"(?P<component>\w+)/(?:(?P<node>[a-zA-Z0-9_-]+)/)?(?P<object>[a-zA-Z0-9_-]+)/config")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_announced_keeps_to_the_published_schema(language: str) -> None:
    """No key that it refuses, each that it asks for, at every level; classes with their units; topics that it hears."""
    for topic, payload in devices(demo_plan(), "homeassistant", language).items():
        heard = DISCOVERED.fullmatch(topic.removeprefix("homeassistant/"))
        assert heard is not None and heard["component"] == "device" and heard["node"]
        told = json.loads(payload)
        assert {"device", "origin", "components"} <= told.keys() <= TAKES[""] and told["qos"] in (0, 1, 2)
        assert told["device"].keys() <= TAKES["device"] and told["device"]["identifiers"]
        assert {"name"} <= told["origin"].keys() <= TAKES["origin"]
        for one in told["components"].values():
            platform = one["platform"]
            assert one.keys() <= TAKES["any"] | TAKES[platform] and {"state_topic", "unique_id"} <= one.keys()
            assert not {"+", "#"} & {*one["state_topic"], *one["availability_topic"]}
            if "device_class" in one:
                assert one.get("unit_of_measurement") in UNITS[one["device_class"]]
            if "state_class" in one:  # of numbers only
                assert one["state_class"] == "measurement" and one.get("device_class") != "timestamp"
            assert one.get("icon", "mdi:x").startswith("mdi:")


def test_what_is_not_wanted_any_more_is_taken_back(tmp_path: Path) -> None:
    """A room that went, another prefix, switched off; a broker that forgot is told again, some at a time."""
    kept, broker, plan = tmp_path / "data" / "announced.json", Broker(), demo_plan()
    wanted = devices(plan, "homeassistant", "zh")
    many = {f"homeassistant/device/x/{number}/config": b"{}" for number in range(3 * AT_ONCE)}
    announcer = Announcer(many, kept)
    announcer.look(broker, 0.0)
    assert len(broker.retained) == AT_ONCE
    assert told(announcer, broker) == many
    assert told(Announcer(wanted, kept), broker) == wanted
    broker.retained.clear()
    broker.connection += 1
    fewer = dict(list(wanted.items())[1:])
    announcer = Announcer(fewer, kept)
    assert told(announcer, broker) == fewer
    broker.retained.clear()
    broker.connection += 1
    assert told(announcer, broker, 100.0) == fewer
    assert told(Announcer({}, kept), broker) == {}
    assert not kept.exists()
    assert told(Announcer({}, kept), broker) == {}  # nor does it say anything where nothing was ever announced


def test_what_the_connection_did_not_live_to_bring_is_taken_back_again(tmp_path: Path) -> None:
    """The note of it goes only when the link held."""
    kept, broker = tmp_path / "announced.json", Broker()
    told(Announcer({"a/device/x/1/config": b"{}"}, kept), broker)
    lost = Broker()
    Announcer({}, kept).look(lost, 0.0)  # said, and the bridge ends
    assert kept.exists()
    assert told(Announcer({}, kept), broker) == {}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[OwnBridge]:
    """A whole bridge that announces, with its own Mosquitto."""
    need_mosquitto()
    made = OwnBridge(tmp_path, ON)
    made.start()
    yield made
    made.stop()


@pytest.mark.real
def test_a_real_broker_has_the_rooms_as_long_as_it_is_switched_on(running: OwnBridge) -> None:
    """Retained, for whoever may read with `watch-<area>`; gone after a start without it, beside all of the wire's."""
    prefix = "homeassistant/device/zhanpai_xh"

    def heard() -> dict[str, bytes]:
        lines = dict(line.split(":", 1) for line in running.passwords.read_text().splitlines())
        watch = Client(running.mqtt_port, "watch-xh", "homeassistant/#", "zp/v1/xh/#", password=lines["watch-xh"])
        try:
            wait_until(lambda: "zp/v1/xh/bridge/life" in watch.heard, "what is retained is heard", SLOW_S)
            return {topic: payloads[-1] for topic, payloads in dict(watch.heard).items() if payloads[-1]}
        finally:
            watch.close()

    rooms = {f"{prefix}/{room}/config" for room in demo_plan().rooms}
    wait_until(lambda: rooms <= heard().keys(), "every room is announced", SLOW_S)
    device = json.loads(heard()[f"{prefix}/r01/config"])
    assert device["device"]["name"] == demo_plan().rooms["r01"].name.split(" / ")[1]
    topics = {one["state_topic"] for one in device["components"].values()}
    assert {topic for topic in topics if "/arrival/" in topic} <= heard().keys()
    running.stop()
    config = running.folder / "broker.toml"
    config.write_text(config.read_text().replace(ON, ""))
    running.start()
    wait_until(lambda: not rooms & heard().keys(), "they are taken back", SLOW_S)
    assert [topic for topic in heard() if topic.startswith("homeassistant")] == []
    wait_until(lambda: not (running.folder / "data/home-assistant.json").exists(), "nothing is left to take", SLOW_S)
