"""The virtual broker does what Mosquitto does, its weaknesses included."""

from dataclasses import dataclass, field

import pytest

from broker.mqtt.own_broker.desk_lists import matches
from firmware import wire
from sim.virtual.broker import Connection, VirtualBroker, Will
from sim.world.timeline import Timeline

LIFE = "zp/v1/xh/truck/t01/life"
CLOCK = "zp/v1/xh/bridge/clock"
FIX = "zp/v1/xh/truck/t01/fix"
KEEPER = "zp/v1/xh/room/r01/keeper"


@dataclass
class Client:
    """A client that writes down what it hears."""

    timeline: Timeline
    broker: VirtualBroker
    name: str
    clean: bool = True
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    lost: int = 0
    connection: Connection | None = None

    def connect(self, *filters: str, will: Will | None = None) -> "Client":
        self.connection = self.broker.connect(
            self.name, receive=lambda topic, payload, _: self.heard.append((topic, payload)), lost=self._lost,
            clean=self.clean, will=will,
        )
        if self.connection is not None:
            self.connection.subscribe(filters)
        self.wait()
        return self

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        assert self.connection is not None
        self.connection.publish(topic, payload, retain)
        self.wait()

    def wait(self, seconds: float = 1.0) -> None:
        self.timeline.run_until(self.timeline.now + seconds)

    def _lost(self) -> None:
        self.lost += 1


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(0.0)


@pytest.fixture
def broker(timeline: Timeline) -> VirtualBroker:
    return VirtualBroker(timeline)


def bridge(timeline: Timeline, broker: VirtualBroker) -> Client:
    return Client(timeline, broker, "bridge-xh", clean=False)


@pytest.mark.parametrize(
    ("pattern", "topic", "covers"),
    [
        ("zp/v1/xh/truck/+/fix", FIX, True),
        ("zp/v1/xh/truck/+/fix", LIFE, False),
        ("zp/v1/xh/bridge/#", CLOCK, True),
        ("zp/v1/xh/truck/t01", FIX, False),
        ("zp/v1/xh/truck/+/fix/+", FIX, False),
    ],
)
def test_topic_filters_cover_what_mqtt_says(pattern: str, topic: str, covers: bool) -> None:
    """`+` is one level, `#` the rest, and lengths must agree."""
    assert matches(pattern, topic) is covers


def test_a_retained_message_greets_whoever_subscribes_later_until_it_is_cleared(
    timeline: Timeline, broker: VirtualBroker
) -> None:
    """Retained payloads are kept per topic; an empty one clears."""
    truck = Client(timeline, broker, "t01").connect()
    truck.say(LIFE, b"ready", retain=True)
    assert bridge(timeline, broker).connect("zp/v1/xh/truck/+/life").heard == [(LIFE, b"ready")]
    truck.say(LIFE, b"", retain=True)
    other = Client(timeline, broker, "t02").connect("zp/v1/xh/truck/+/life")
    assert other.heard == []


def test_a_persistent_session_gets_what_was_said_while_it_was_away_and_a_clean_one_does_not(
    timeline: Timeline, broker: VirtualBroker
) -> None:
    """Only the bridge's queue outlives its connection."""
    room = Client(timeline, broker, "r01").connect()
    keeper, forgetful = bridge(timeline, broker).connect(KEEPER), Client(timeline, broker, "t09").connect(KEEPER)
    for client in (keeper, forgetful):
        assert client.connection is not None
        client.connection.close()
    room.say(KEEPER, b"1")
    keeper.connect()
    forgetful.connect(KEEPER)
    assert keeper.heard == [(KEEPER, b"1")]
    assert forgetful.heard == []


def test_the_acl_lets_a_device_speak_only_for_itself_and_says_nothing_about_it(
    timeline: Timeline, broker: VirtualBroker
) -> None:
    """A forbidden publish is taken and dropped, as Mosquitto does for MQTT 3.1.1."""
    listener = bridge(timeline, broker).connect("zp/v1/xh/#")
    thief = Client(timeline, broker, "t02").connect()
    assert thief.connection is not None
    assert thief.connection.publish(FIX, b"x")
    thief.wait()
    assert listener.heard == []
    assert broker.count.denied == 1


def test_a_will_comes_one_and_a_half_keepalives_after_a_silent_death(
    timeline: Timeline, broker: VirtualBroker
) -> None:
    """Not at once, and not never."""
    listener = bridge(timeline, broker).connect("zp/v1/xh/truck/+/life")
    Client(timeline, broker, "t01").connect(will=Will(LIFE, b"lost"))
    broker.die("t01")
    listener.wait(1.4 * wire.KEEPALIVE_S)
    assert listener.heard == []
    listener.wait(0.3 * wire.KEEPALIVE_S)
    assert listener.heard == [(LIFE, b"lost")]


def test_a_clean_goodbye_sends_no_will(timeline: Timeline, broker: VirtualBroker) -> None:
    """DISCONNECT throws the will away."""
    listener = bridge(timeline, broker).connect("zp/v1/xh/truck/+/life")
    truck = Client(timeline, broker, "t01").connect(will=Will(LIFE, b"lost"))
    assert truck.connection is not None
    truck.connection.close()
    listener.wait(100)
    assert listener.heard == []


def test_a_second_client_of_the_same_id_takes_over(timeline: Timeline, broker: VirtualBroker) -> None:
    """The older connection is closed, and its client is told."""
    first = Client(timeline, broker, "t01").connect()
    Client(timeline, broker, "t01").connect()
    assert first.lost == 1


def test_a_short_cut_delays_and_a_long_one_loses(timeline: Timeline, broker: VirtualBroker) -> None:
    """What was sent into a silent link arrives if the link is back before the broker gave up, else it is gone."""
    listener = bridge(timeline, broker).connect(FIX)
    truck = Client(timeline, broker, "t01").connect()
    broker.cut("t01")
    truck.say(FIX, b"short")
    assert listener.heard == []
    broker.heal("t01")
    listener.wait()
    assert listener.heard == [(FIX, b"short")]
    broker.cut("t01")
    truck.say(FIX, b"long")
    listener.wait(100)
    broker.heal("t01")
    listener.wait()
    assert listener.heard == [(FIX, b"short")]
    assert truck.lost == 1


def test_kill_forgets_what_was_acknowledged_and_brings_back_what_was_delivered(
    timeline: Timeline, broker: VirtualBroker
) -> None:
    """After kill -9 the state is the last snapshot's: new messages are lost, old ones come twice."""
    room = Client(timeline, broker, "r01").connect()
    keeper = bridge(timeline, broker).connect(KEEPER)
    assert keeper.connection is not None
    keeper.connection.close()
    room.say(KEEPER, b"before the snapshot")
    room.wait(61)
    keeper.connect()
    assert keeper.heard == [(KEEPER, b"before the snapshot")]
    assert keeper.connection is not None
    keeper.connection.close()
    room.say(KEEPER, b"after the snapshot")
    broker.kill()
    broker.start()
    keeper.heard.clear()
    keeper.connect()
    assert keeper.heard == [(KEEPER, b"before the snapshot")]


def test_an_orderly_stop_loses_nothing(timeline: Timeline, broker: VirtualBroker) -> None:
    """`stop` saves before it ends, and clients learn at once that it is gone."""
    room = Client(timeline, broker, "r01").connect()
    keeper = bridge(timeline, broker).connect(KEEPER)
    assert keeper.connection is not None
    keeper.connection.close()
    room.say(KEEPER, b"1")
    broker.stop()
    room.wait()
    assert room.lost == 1
    assert broker.connect("r01", receive=lambda *_: None, lost=lambda: None) is None
    broker.start()
    keeper.connect()
    assert keeper.heard == [(KEEPER, b"1")]


def test_a_slow_link_delays_and_keeps_the_order(timeline: Timeline, broker: VirtualBroker) -> None:
    """Both ways; what is sent when the link is quick again does not overtake."""
    truck = Client(timeline, broker, "t01").connect()
    bridge = Client(timeline, broker, "bridge-xh").connect(FIX)
    broker.slow("t01", 5.0)
    truck.say(FIX, b"1")
    assert bridge.heard == []
    broker.slow("t01", 0.0)
    truck.say(FIX, b"2")
    assert bridge.heard == []
    truck.wait(5.0)
    assert [payload for _, payload in bridge.heard] == [b"1", b"2"]


def test_a_frozen_broker_says_nothing_and_goes_on_where_it_stood(timeline: Timeline, broker: VirtualBroker) -> None:
    """Nobody is told, nobody gets in; a link that was cut as well stays cut when it thaws."""
    truck, room = Client(timeline, broker, "t01").connect(), Client(timeline, broker, "r01").connect()
    bridge = Client(timeline, broker, "bridge-xh").connect(FIX, KEEPER)
    broker.cut("r01")
    broker.freeze(True)
    truck.say(FIX, b"1")
    room.say(KEEPER, b"2")
    assert Client(timeline, broker, "t02").connect().connection is None
    assert (bridge.heard, truck.lost) == ([], 0)
    broker.freeze(False)
    truck.wait()
    assert bridge.heard == [(FIX, b"1")]
    broker.heal("r01")
    truck.wait()
    assert bridge.heard[1:] == [(KEEPER, b"2")]
    assert Client(timeline, broker, "t02").connect().connection is not None


def test_a_link_that_is_mended_while_the_broker_is_frozen_stays_silent(
    timeline: Timeline, broker: VirtualBroker
) -> None:
    """Until the broker goes on; and a broker that was killed while it was frozen starts afresh."""
    truck = Client(timeline, broker, "t01").connect()
    bridge = Client(timeline, broker, "bridge-xh").connect(FIX)
    broker.cut("t01")
    broker.freeze(True)
    broker.heal("t01")
    truck.say(FIX, b"1")
    assert bridge.heard == []
    broker.freeze(False)
    truck.wait()
    assert bridge.heard == [(FIX, b"1")]
    broker.freeze(True)
    broker.kill()
    broker.start()
    assert Client(timeline, broker, "t03").connect().connection is not None
