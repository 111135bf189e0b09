"""A wire that chatters: however it bounces and opens, the gesture is the finger's."""

import random

import pytest

from firmware.truck.button.gesture import Gestures
from sim.world.contact import edges


def gestures(hold_s: float, dice: random.Random | None) -> list[str]:
    """What the truck makes of it."""
    button, made = Gestures(), []
    for after_s, closed in edges(hold_s, dice):
        made += button.edge(closed, 10.0 + after_s)
    return [gesture for gesture, _ in made + button.advance(20.0 + hold_s)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("hold_s", [0.4, 2.0, 4.6, 70.0])
def test_a_hold_through_a_chattering_wire_is_the_same_hold(hold_s: float, seed: int) -> None:
    """A short press, a hold, a long one, a button that is stuck; and the wire did chatter."""
    dice = random.Random(seed)
    assert gestures(hold_s, dice) == gestures(hold_s, None)
    found = edges(hold_s, random.Random(seed))
    assert len(found) > 4 and found[-1] == (hold_s, False)
    assert [closed for _, closed in found] == [True, False] * (len(found) // 2)
    assert [at_s for at_s, _ in found] == sorted(at_s for at_s, _ in found)
