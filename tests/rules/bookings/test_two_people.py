"""Two properties, two trucks and the clock in any order; all of them: `python3 -m bench bookings`."""

from collections import Counter

from broker.rules.states.booking import EXITS
from tests.support.bookings.two_people import interleaving

SAMPLE = 200  # of 100,000


def test_no_order_of_events_books_twice_holds_for_ever_or_loses() -> None:
    """Looked at after each of 40 steps; a seed that fails is named, and can be played again."""
    done, states = Counter[str](), Counter[str]()
    for seed in range(SAMPLE):
        town = interleaving(seed)
        done.update(town.done)
        states.update(one.state for one in town.book.values())
    assert {"hold refused", "act refused", "hold blindly refused"} <= set(done)  # they did get in each other's way
    assert set(states) >= {*EXITS, "held", "requested", "accepted", "loaded", "completed"}
