"""What was refused: counted for each device, logged at a bearable pace."""

import logging
from collections import Counter

log = logging.getLogger("zhanpai.bridge")

LOG_REFUSAL_EVERY_S = 60  # of one device
MOST_NAMES = 10_000  # made-up names must not fill the memory
OTHERS = "others"


class Refusals:
    """How often each device was refused."""

    def __init__(self) -> None:
        self.by_device: Counter[str] = Counter()
        self._logged_at: dict[str, float] = {}

    def note(self, topic: str, why: str, now: float) -> None:
        """A message on this topic was refused."""
        parts = topic.split("/")
        device = "/".join(parts[3:5])[:80] if len(parts) > 4 else "unknown"
        if device not in self.by_device and len(self.by_device) >= MOST_NAMES:
            device = OTHERS
        self.by_device[device] += 1
        if now - self._logged_at.get(device, float("-inf")) >= LOG_REFUSAL_EVERY_S:
            self._logged_at[device] = now
            log.warning("refused (%d so far from %s): %s", self.by_device[device], device, why)
