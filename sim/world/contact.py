"""A button's contact whose wire chatters: it bounces when it closes, and opens for moments while a finger holds it."""

import random
from collections.abc import Iterator

BOUNCES = 3
BOUNCE_S = (0.002, 0.008)
CLOSED_S = (0.1, 0.5)
OPEN_S = (0.01, 0.12)  # far shorter than a finger is away between two presses


def chatter(dice: random.Random) -> Iterator[tuple[float, float]]:
    """For as long as a finger holds it: so many seconds closed, then so many open, and again."""
    for _ in range(BOUNCES):
        yield dice.uniform(*BOUNCE_S), dice.uniform(*BOUNCE_S)
    while True:
        yield dice.uniform(*CLOSED_S), dice.uniform(*OPEN_S)


def edges(hold_s: float, dice: random.Random | None) -> list[tuple[float, bool]]:
    """(seconds after the finger came, closed) of a hold; with `dice` its wire chatters."""
    found = [(0.0, True)]
    into_s = 0.0
    for closed_s, open_s in chatter(dice) if dice is not None else ():
        if into_s + closed_s + open_s >= hold_s:
            break
        found += [(into_s + closed_s, False), (into_s + closed_s + open_s, True)]
        into_s += closed_s + open_s
    return [*found, (hold_s, False)]
