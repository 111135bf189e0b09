"""The button's contact and the lights, by gpiozero: edges in, levels out. Debounce, holds and patterns are not here.

Wiring: the button closes its pin to ground (the Pi's pull-up is used); a light hangs between its pin and ground with
a resistor. gpiozero calls `edge` from a thread of its own.
"""

from collections.abc import Callable

import gpiozero

from firmware.truck.button.light import level_at


class ButtonContact:
    """Tells every edge of the contact, bounces included: `edge(down)`."""

    def __init__(self, pin: int | str, edge: Callable[[bool], None], pin_factory: gpiozero.Factory | None) -> None:
        """`pin` is a BCM number; raises gpiozero's errors if it cannot be used."""
        self._button = gpiozero.Button(pin, pull_up=True, bounce_time=None, pin_factory=pin_factory)
        self._button.when_pressed = lambda: edge(True)
        self._button.when_released = lambda: edge(False)

    @property
    def down(self) -> bool:
        """Whether the contact is closed now."""
        return bool(self._button.is_pressed)

    def close(self) -> None:
        """Gives the pin back."""
        self._button.close()


class PatternLight:
    """One light that shows a pattern: call `run(now_s)` at the time it returns."""

    def __init__(self, pin: int | str, pin_factory: gpiozero.Factory | None) -> None:
        """`pin` is a BCM number; raises gpiozero's errors if it cannot be used."""
        self._led = gpiozero.LED(pin, pin_factory=pin_factory)
        self._pattern = "off"
        self._since_s = 0.0

    def show(self, pattern: str, now_s: float) -> None:
        """Begins a pattern of `light.PATTERNS`."""
        self._pattern, self._since_s = pattern, now_s
        self.run(now_s)

    def run(self, now_s: float) -> float:
        """Puts the pin at the level of this moment; returns when it changes next."""
        on, stays_s = level_at(self._pattern, now_s - self._since_s)
        if on != self._led.is_lit:
            self._led.value = int(on)
        return now_s + stays_s

    def close(self) -> None:
        """Dark, and gives the pin back."""
        self._led.off()
        self._led.close()
