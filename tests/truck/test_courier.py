"""What is sent when: through the whole device on a real outbox, with link and bridge played by hand."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.truck.agent import Agent
from firmware.truck.device import TruckDevice
from firmware.truck.events import ButtonDown, ButtonUp, FixSeen, LinkDown, LinkUp, Note, Publish, Wake
from firmware.truck.gps.fix import Fix
from firmware.truck.outbox.courier import UNDER_WAY_MAX
from firmware.truck.outbox.outbox import Outbox

BASE = "zp/v1/xh/truck/t01/"
T0 = 1795374261
WORDS = (
    *("acks", "boot", "upto", "also", "incident_id", "stage", "decision", "at", "command", "id", "life"),
    *("itinerary_id", "version", "run_id", "issued_at", "visits"),
)


class Cab:
    """A device whose hours pass by hand; `sent` holds what it published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now_s = 0.0
        self.metres = 0.0
        self.sent: list[Publish] = []
        self.notes: list[Note] = []
        self.boot_device()

    def boot_device(self) -> None:
        self.outbox = Outbox(self.path)
        self.device = TruckDevice(Agent("t01", "xh", self.outbox.boot), self.outbox)
        self.take(self.device.start(self.now_s))

    def power_cut(self) -> None:
        self.outbox.close(flush=False)
        self.boot_device()

    def take(self, outputs) -> None:
        self.sent += [o for o in outputs if isinstance(o, Publish)]
        self.notes += [o for o in outputs if isinstance(o, Note)]

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while (wake_at_s := self.device.wake_at_s) is not None and wake_at_s <= end_s:
            self.now_s = max(self.now_s, wake_at_s)
            self.take(self.device.handle(Wake(), self.now_s))
        self.now_s = end_s

    def do(self, event) -> None:
        self.take(self.device.handle(event, self.now_s))

    def drive(self, reports: int) -> None:
        """So many positions, 60 m and 8 s apart."""
        for _ in range(reports):
            self.wait(8.0)
            self.metres += 60.0
            fix = Fix(31.2 + self.metres / 111_195, 121.4, T0 + self.now_s, 5.0, 0.0, 1.0, 8, 3, 1)
            self.do(FixSeen(fix))

    def press(self, seconds: float = 2.0) -> None:
        self.do(ButtonDown())
        self.wait(seconds)
        self.do(ButtonUp())
        self.wait(0.1)

    def heartbeat(self) -> None:
        self.take(self.device.message("zp/v1/xh/bridge/clock", b'{"at":%d}' % (T0 + self.now_s), self.now_s))

    def ack(self, *keys: tuple[int, int]) -> None:
        boots = sorted({boot for boot, _ in keys})
        acks = [{"boot": b, "upto": 0, "also": [[s, s] for boot, s in keys if boot == b]} for b in boots]
        self.take(self.device.message(BASE + "ack", json.dumps({"acks": acks}).encode(), self.now_s))

    def take_sent(self) -> list[tuple[int, int, bool | None]]:
        """(boot, seq, late) of what was published since the last call, life aside."""
        bodies = [json.loads(p.payload) for p in self.sent if not p.topic.endswith("/life")]
        self.sent.clear()
        return [(b["boot"], b["seq"], b.get("late")) for b in bodies]


@pytest.fixture
def cab(tmp_path):
    cab = Cab(tmp_path / "o.db")
    yield cab
    cab.outbox.close()


def test_nothing_is_sent_without_a_link(cab):
    """Positions and presses are kept while there is no connection, and none is handed to MQTT."""
    cab.drive(5)
    cab.press()
    assert cab.sent == []
    assert cab.outbox.waiting() == 6


def test_live_position_is_sent_at_once_and_not_late(cab):
    """On a good link each position goes once, not late, with the time of sending."""
    cab.do(LinkUp())
    cab.heartbeat()
    cab.sent.clear()
    cab.drive(1)
    body = json.loads(cab.sent[-1].payload)
    assert (body["late"], body["sent_at"]) == (False, T0 + 8)
    cab.ack((1, 1))
    cab.drive(1)
    assert cab.take_sent() == [(1, 1, False), (1, 2, False)]


def test_after_a_gap_presses_first_then_the_newest_then_the_backlog(cab):
    """After a reconnection: incidents, the newest position, and, once the bridge is heard, the rest marked late."""
    cab.drive(4)
    cab.press()
    cab.drive(2)
    cab.do(LinkUp())
    assert cab.take_sent() == [(1, 5, None), (1, 7, False)]
    cab.wait(1.0)
    cab.heartbeat()
    sent = cab.take_sent()
    assert sent[:2] == [(1, 5, None), (1, 7, False)]
    assert sent[2:] == [(1, seq, True) for seq in (1, 2, 3, 4, 6)]


def test_backlog_goes_in_small_portions(cab):
    """A backlog of a hundred never has more than 16 under way, and all of it arrives as acks come."""
    cab.drive(100)
    cab.do(LinkUp())
    cab.heartbeat()
    stored: set[tuple[int, int]] = set()
    for _ in range(60):
        sent = cab.take_sent()
        assert len(sent) <= 18
        new = [(boot, seq) for boot, seq, _ in sent]
        stored |= set(new)
        if not new:
            break
        cab.ack(*new)
    assert len(stored) == 100
    assert cab.outbox.waiting() == 0


def test_unacknowledged_record_comes_again_later_and_later(cab):
    """While the bridge is heard an unacknowledged press is sent again after 3, 6, 12 s."""
    cab.do(LinkUp())
    cab.heartbeat()
    cab.press()
    begun_s = cab.now_s - 0.6
    cab.sent.clear()
    times = []
    for _ in range(26):
        cab.wait(1.0)
        cab.heartbeat()
        times += [cab.now_s - begun_s for p in cab.sent if "/incident/" in p.topic]
        cab.sent.clear()
    assert times == pytest.approx([4, 10, 22], abs=2)


def test_silent_bridge_is_not_flooded(cab):
    """With the broker there and the bridge not, each record goes once, and at most 20 positions."""
    cab.do(LinkUp())
    cab.press()
    cab.drive(60)
    sent = cab.take_sent()
    assert len(sent) == len(set(sent)) <= UNDER_WAY_MAX + 1
    cab.heartbeat()
    assert cab.take_sent()[0] == (1, 1, None)


def test_press_survives_power_cut_and_keeps_its_id(cab):
    """After a power cut the unacknowledged press is sent first, same body, and the light shows it."""
    cab.press()
    cab.power_cut()
    cab.do(LinkUp())
    press = next(p for p in cab.sent if "/incident/" in p.topic)
    assert press.topic == BASE + "incident/t01-1-1"
    assert press.retain
    assert json.loads(press.payload)["boot"] == 1


def test_position_of_a_former_start_is_late(cab):
    """The newest position of a truck that was off is late: nobody can say how old it is."""
    cab.drive(3)
    cab.outbox.flush()
    cab.power_cut()
    cab.do(LinkUp())
    assert cab.take_sent() == [(1, 3, True)]


def test_overtaken_position_is_late_even_when_it_is_the_newest_left(cab):
    """Once the newest is acknowledged, the next older one is backlog: late, however young it is."""
    cab.drive(3)
    cab.do(LinkUp())
    assert cab.take_sent() == [(1, 3, False)]
    cab.ack((1, 3))
    assert cab.take_sent() == [(1, 2, True)]


def test_unreadable_record_stops_nothing(cab):
    """A record the disk gave back as nonsense is noted and left there, and everything else is sent."""
    cab.drive(2)
    cab.press()
    cab.outbox.flush()
    with closing(sqlite3.connect(cab.path)) as file, file:
        file.execute("UPDATE position SET body = '{\"boot\": 1}' WHERE seq = 1")
        file.execute("UPDATE position SET body = 'x' WHERE seq = 2")
    cab.do(LinkUp())
    cab.heartbeat()
    cab.drive(1)
    assert {seq for _, seq, _ in cab.take_sent()} == {3, 4}
    assert "record_unsendable" in {note.kind for note in cab.notes}
    assert cab.outbox.counts["unreadable"] > 0


def test_only_the_last_word_on_an_open_incident_is_retained(cab):
    """A press that was escalated is sent for the record but does not replace the breakdown at the broker."""
    cab.press(4.5)
    cab.do(LinkUp())
    incidents = [(json.loads(p.payload)["reason"], p.retain) for p in cab.sent if "/incident/" in p.topic]
    assert incidents == [("lane_blocked", False), ("breakdown", True)]


def test_closed_incident_does_not_come_back_as_retained(cab):
    """A press the bridge closed without acknowledging the record is sent again, not retained."""
    cab.do(LinkUp())
    cab.heartbeat()
    cab.press()
    cab.take(cab.device.message(BASE + "incident_ack/t01-1-1", b"", cab.now_s))
    cab.sent.clear()
    cab.wait(4.0)
    again = [(p.topic, p.retain) for p in cab.sent if "/incident/" in p.topic]
    assert again == [(BASE + "incident/t01-1-1", False)]


def test_time_of_a_press_is_worked_out_once_the_time_is_known(cab):
    """A press made before anybody told the time is sent with its true time after the bridge's clock came."""
    cab.press()
    cab.wait(60.0)
    cab.do(LinkUp())
    cab.heartbeat()
    first, second = [json.loads(p.payload) for p in cab.sent if "/incident/" in p.topic]
    assert first["pressed_at"] is None
    assert second["pressed_at"] == pytest.approx(T0 + 1.5, abs=0.5)


def test_link_loss_sends_everything_unacknowledged_again(cab):
    """What was under way when the connection went is sent again on the next one."""
    cab.do(LinkUp())
    cab.heartbeat()
    cab.sent.clear()
    cab.drive(3)
    cab.ack((1, 2))
    cab.do(LinkDown())
    cab.sent.clear()
    cab.do(LinkUp())
    cab.heartbeat()
    assert {(boot, seq) for boot, seq, _ in cab.take_sent()} == {(1, 1), (1, 3)}


def test_bad_messages_are_counted_and_noted_once_a_minute(cab):
    """Bad JSON, a foreign topic and another truck's message stop nothing."""
    for _ in range(50):
        cab.take(cab.device.message(BASE + "ack", b"{", cab.now_s))
        cab.wait(1.0)
    cab.take(cab.device.message("zp/v1/xh/truck/t02/ack", b'{"acks":[]}', cab.now_s))
    cab.take(cab.device.message("weather", b"1", cab.now_s))
    assert [note.kind for note in cab.notes] == ["message_refused"]
    assert cab.device.counts["message_refused"] == 51
    assert cab.device.counts["message_foreign"] == 1


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["ack", "incident_ack/t01-1-1", "itinerary", "command", "../bridge/clock", "../bridge/life"]),
    ANYTHING,
)
def test_whatever_the_bridge_says_nothing_stops(cab, channel, body):
    """Any JSON on any topic of the truck is taken or refused, never an error."""
    base = BASE.removesuffix("truck/t01/") if channel.startswith("..") else BASE
    cab.take(cab.device.message(base + channel.removeprefix("../"), json.dumps(body).encode(), cab.now_s))
    cab.wait(1.0)


def test_disk_fault_is_noted_and_stops_nothing(cab):
    """While the disk refuses a press is sent all the same and the log says what to do."""
    cab.outbox._disk._db.execute("PRAGMA query_only = ON")  # SQLite refuses as a dead disk does, here alone
    cab.do(LinkUp())
    cab.press()
    assert any("/incident/" in p.topic for p in cab.sent)
    assert [note.kind for note in cab.notes] == ["outbox_fault"]
