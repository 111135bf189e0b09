"""What is seen of [home_assistant]: what a broker is told, and where that is noted down."""

from pathlib import Path

from broker.feeds.home_assistant.announcer import Announcer
from broker.plan.demo_area import demo_plan
from broker.process import _announcer  # what the process itself begins with, without its loop
from tests.support.settings.day import configured


class Broker:
    """The bridge's link to a broker that keeps what is retained."""

    def __init__(self) -> None:
        self.up, self.connection = True, 1
        self.retained: dict[str, bytes] = {}

    def send(self, topic: str, payload: bytes, retained: bool) -> None:
        """Keep it; an empty one is kept no more."""
        assert retained
        if payload:
            self.retained[topic] = payload
        else:
            self.retained.pop(topic, None)


def told(announcer: Announcer, broker: Broker, since: float = 0.0) -> dict[str, bytes]:
    """What the broker holds once the announcer has said all, and held its connection."""
    for turn in range(20):
        announcer.look(broker, since + turn)
    return dict(broker.retained)


def announced(folder: Path, text: str) -> list[tuple[str, bytes]]:
    """What is announced of the demo area."""
    return sorted(told(_announcer(configured(folder, text), demo_plan()), Broker()).items())


def noted_in(folder: Path, text: str) -> list[str]:
    """Which files have what was announced."""
    announced(folder, text)
    return sorted(path.name for path in folder.rglob("*.json"))
