"""What is kept for each device is kept for all devices of the plan, however large it is."""

import pytest

from broker.config import LimitsConfig
from broker.ingest import last_words, sources
from broker.ingest.last_words import LastWords, Word
from broker.ingest.sources import Sources
from broker.mqtt import inbox
from broker.mqtt.inbox import Inbox
from broker.mqtt.link import Arrived

FEW, DEVICES = 2, 12
TOPICS = [f"zp/v1/xh/room/r{number}/{channel}" for number in range(DEVICES) for channel in ("life", "bins", "lamp")]


def test_who_writes_to_a_topic_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the devices of the plan alone have more topics than strangers may."""
    monkeypatch.setattr(sources, "MOST_SOURCES", FEW)
    known = Sources("xh", DEVICES)
    first = [known.of(topic) for topic in TOPICS]
    assert all(known.of(topic) is one for topic, one in zip(TOPICS, first, strict=True))


def test_each_device_has_a_lane_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is refused takes nobody else's allowance, the last one's neither."""
    monkeypatch.setattr(inbox, "MOST_DEVICES", FEW)
    waits = Inbox(LimitsConfig(messages_per_s=1), lambda: 1000.0, DEVICES)
    for topic in TOPICS:
        waits.put(Arrived([(topic, b"x", number) for number in range(1, 4)], 1))
    assert waits.refused == {}
    waits.put(Arrived([(TOPICS[-1], b"x", number) for number in range(1, 100)], 1))
    assert set(waits.refused) == {("room", f"r{DEVICES - 1}")}


def test_the_last_words_of_each_device_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own and ours to it."""
    monkeypatch.setattr(last_words, "MOST_DEVICES", FEW)
    words = LastWords(DEVICES)
    for number in range(DEVICES):
        for ours in (False, True):
            words.note(("room", f"r{number}"), Word(1.0, "bins", ours, b"x"))
    assert len(words.of(("room", f"r{DEVICES - 1}"))) == 2
