"""A device with an outbox: it keeps each record until an ack has its number, and sends the rest again."""

import json
import threading
import time
from typing import Any

from tests.support.processes import Client


class Outbox:
    """A truck's positions, one after the other from a thread of its own; what the acks said is kept."""

    def __init__(self, port: int, device: str, area: str = "xh") -> None:
        self.topic, self.ack = f"zp/v1/{area}/truck/{device}/fix", f"zp/v1/{area}/truck/{device}/ack"
        self._client = Client(port, device, self.ack)
        self.sent = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def acknowledged(self) -> set[int]:
        """The numbers that any ack ever had."""
        found: set[int] = set()
        for payload in list(self._client.heard.get(self.ack, [])):
            for ack in json.loads(payload)["acks"] if payload else []:
                for first, last in [[1, ack["upto"]], *ack["also"]]:
                    found.update(range(first, last + 1))
        return found

    def start(self) -> None:
        """Send from now on, ten a second."""
        self._thread.start()

    def stop(self) -> None:
        """No more."""
        self._ending.set()
        self._thread.join(10)

    def close(self) -> None:
        """Leave."""
        self.stop()
        self._client.close()

    def send_again(self) -> set[int]:
        """What was never acknowledged, once more; which numbers that was."""
        waiting = set(range(1, self.sent + 1)) - self.acknowledged()
        for number in sorted(waiting):
            self._client.say(self.topic, self._fix(number))
        return waiting

    def _go_on(self) -> None:
        while not self._ending.wait(0.1):
            self.sent += 1
            self._client.say(self.topic, self._fix(self.sent), qos=0)

    @staticmethod
    def _fix(number: int) -> dict[str, Any]:
        at = int(time.time())
        return {"boot": 1, "seq": number, "fix_at": at, "sent_at": at, "lat": 31.19, "lon": 121.437 + number / 1e6,
                "speed_mps": 0.0, "bearing_deg": 0.0, "hdop": 1.0, "sats": 9, "mode": 3, "late": False}  # fmt: skip
