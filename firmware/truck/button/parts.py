"""The button and the lights as they are wired: each may be dead, and the truck goes on with what is left.

A pin may be held by another program, the user may not be allowed to use pins, the library may be missing, or this is
no Raspberry Pi. The libraries raise all sorts of exceptions for that: of their own, RuntimeError, PermissionError.
What is dead is said with its pin, and tried again.
"""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import gpiozero

from firmware.truck.button.contact import ButtonContact, PatternLight
from firmware.truck.events import PartState

TRY_AGAIN_S = 30.0
_RIGHTS = ("permission", "no access", "can not open gpiochip")
NEVER_S = 60.0  # until a dead light is looked at again


class Parts:
    """What hangs at the pins. `changed()` tells what died and what is back since it was asked last."""

    def __init__(
        self, button_pin: int, light_pin: int, gps_light_pin: int | None, edge: Callable[[bool], None], pin_factory: Any
    ) -> None:
        """Nothing is raised for a pin that cannot be used; `edge(down)` comes from another thread."""
        makers: dict[str, tuple[int | None, Callable[[Any], Any]]] = {
            "button": (button_pin, lambda factory: ButtonContact(button_pin, edge, factory)),
            "light": (light_pin, lambda factory: PatternLight(light_pin, factory)),
            "gps_light": (gps_light_pin, lambda factory: PatternLight(gps_light_pin or 0, factory)),
        }
        self._pins = {part: pin for part, (pin, _) in makers.items() if pin is not None}
        self._makers = {part: makers[part][1] for part in self._pins}
        self._pin_factory = pin_factory
        self._working: dict[str, Any] = {}
        self._shown: dict[str, str] = {}
        self._troubles: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._again_s: float | None = None
        self._open()

    @property
    def button_down(self) -> bool:
        """Whether the contact is closed now; False for a button that is dead."""
        return bool(self._tried("button", lambda button: button.down))

    def show(self, part: str, pattern: str, now_s: float) -> None:
        """Begin a pattern of `light.PATTERNS` at `light` or `gps_light`, if there is one."""
        self._shown[part] = pattern
        self._tried(part, lambda light: light.show(pattern, now_s))

    def run(self, now_s: float) -> float:
        """Put the lights at the level of this moment; returns when that changes next, or a dead part is tried again."""
        if self._troubles and (self._again_s is None or now_s >= self._again_s):
            if self._again_s is not None:
                self._open()
                for part, pattern in self._shown.items():
                    if part in self._told and part in self._working:
                        self.show(part, pattern, now_s)
            self._again_s = now_s + TRY_AGAIN_S if self._troubles else None
        due: list[float | None] = [self._tried(part, lambda light: light.run(now_s)) for part in ("light", "gps_light")]
        return min([now_s + NEVER_S, *(at_s for at_s in [*due, self._again_s] if at_s is not None)])

    def changed(self) -> list[PartState]:
        """What died, with its reason, and what works again, since this was asked last."""
        news = [PartState(part, why) for part, why in self._troubles.items() if self._told.get(part) != why]
        news += [PartState(part, None) for part in self._told if part not in self._troubles]
        self._told = dict(self._troubles)
        return news

    def close(self) -> None:
        """Dark, and the pins are given back."""
        for part in list(self._working):
            self._tried(part, lambda thing: thing.close())

    def _open(self) -> None:
        """Try every part that does not work; the reason is worded once for all that have the same."""
        failed: dict[str, list[str]] = {}
        for part in self._makers.keys() - self._working.keys():
            try:
                with _quietly():
                    self._working[part] = self._makers[part](self._pin_factory)
                self._troubles.pop(part, None)
            except Exception as error:  # noqa: BLE001 (whatever a pin library raises, positions go on)
                failed.setdefault(_reason(error), []).append(part)
        for reason, parts in failed.items():
            names = sorted(parts, key=list(self._pins).index)
            self._troubles |= dict.fromkeys(names, _sentence(names, self._pins, reason))

    def _tried(self, part: str, use: Callable[[Any], Any]) -> Any:
        """What comes of using a part; one that fails is dead from then on."""
        thing = self._working.get(part)
        if thing is None:
            return None
        try:
            return use(thing)
        except Exception as error:  # noqa: BLE001 (as above)
            del self._working[part]
            self._troubles[part] = _sentence([part], self._pins, _reason(error))
            with contextlib.suppress(Exception):
                thing.close()
            return None


def _reason(error: Exception) -> str:
    if isinstance(error, gpiozero.BadPinFactory):
        return "this computer has no pins that gpiozero can use; it wants a Raspberry Pi with python3-lgpio"
    said = str(error).strip("'\" .") or type(error).__name__
    if isinstance(error, PermissionError) or any(word in said.lower() for word in _RIGHTS):
        return f"{said}; add this user to the group gpio"
    return f"{said}; look whether another program holds it (gpioinfo) or a wire is off"


def _sentence(parts: list[str], pins: dict[str, int], reason: str) -> str:
    """One line that names the pins, why they are dead, and what goes on."""
    named = ", ".join(f"{part.replace('_', ' ')} (pin {pins[part]})" for part in parts)
    return f"{named} cannot be used: {' '.join(reason.split())}; positions go on"


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without gpiozero's warning for each library that it tries, and without lgpio's pipe in the current folder.

    lgpio opens a named pipe in the current folder when it is imported and never removes it; once it is open its name
    is of no use.
    """
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        if "lgpio" not in sys.modules:
            here = os.open(".", os.O_RDONLY)
            stack.callback(os.close, here)
            with contextlib.suppress(OSError):
                os.chdir(stack.enter_context(tempfile.TemporaryDirectory(prefix="zhanpai-pins-")))
            stack.callback(os.fchdir, here)
        yield
