"""What a person is asked to do with hardware, at its moment: told on the terminal and shown on the panel."""

import json
import time
from collections.abc import Callable
from typing import Any

from sim.panel.parts import Asked
from sim.panel.server import STATIC


class ByHand:
    """`told` gets each request in plain English, as the panel's words have it."""

    def __init__(self, now: Callable[[], float], told: Callable[[str], None]) -> None:
        self.asked: list[Asked] = []
        self._now = now
        self._told = told
        self._words = json.loads((STATIC / "en.json").read_text(encoding="utf-8"))

    def ask(self, word: str, **gaps: Any) -> None:
        """Ask for it now."""
        self.asked.append(Asked(self._now(), word, gaps))
        self._told(self._words[word].format(**gaps))


class Settled:
    """What changes again and again and is asked for when it has been still for a while, in real seconds."""

    STILL_S = 4.0

    def __init__(self) -> None:
        self._waits: dict[str, tuple[float, tuple[Any, ...]]] = {}
        self._asked: dict[str, tuple[Any, ...]] = {}

    def set(self, key: str, *values: Any) -> None:
        """It is so now."""
        self._waits[key] = time.monotonic(), values

    def ready(self, real_s: float) -> list[tuple[str, tuple[Any, ...]]]:
        """What is still by now and was not asked for."""
        still = [(key, values) for key, (since_s, values) in self._waits.items() if real_s - since_s >= self.STILL_S]
        for key, _ in still:
            del self._waits[key]
        fresh = [(key, values) for key, values in still if self._asked.get(key) != values]
        self._asked.update(fresh)
        return fresh
