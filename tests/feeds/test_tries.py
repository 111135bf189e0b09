"""When what is tried again: with growing pauses, and nobody holds another up."""

from itertools import pairwise

from broker.feeds.outside.tries import FIRST_S, LONGEST_S, Tries


def of(*names: str) -> Tries:
    """Messages that wait."""
    tries = Tries()
    tries.know(names)
    return tries


def test_a_receiver_that_is_away_is_asked_less_and_less_often() -> None:
    """Each pause twice the one before, up to the longest; and for as long as it takes."""
    tries, now, tried = of("a", "b"), 0.0, []
    while len(tried) < 30:
        name = tries.next(now)
        if name is not None:
            tried.append(now)
            tries.in_vain(name, now)
        now += 1.0
    gaps = [round(later - earlier) for earlier, later in pairwise(tried)]
    assert gaps[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert max(gaps) == gaps[-1] == LONGEST_S


def test_when_it_is_back_everything_is_delivered_within_the_longest_pause() -> None:
    """A thousand messages after hours."""
    names = [f"{number:04d}" for number in range(1000)]
    tries, now = of(*names), 0.0
    while now < 10_000:
        name = tries.next(now)
        if name is not None:
            tries.in_vain(name, now)
        now += 1.0
    back, delivered = now, []
    while len(delivered) < len(names):
        while (name := tries.next(now)) is not None:
            tries.delivered(name)
            delivered.append(name)
        now += 1.0
        assert now - back <= LONGEST_S + 1
    assert sorted(delivered) == names


def test_a_message_that_is_refused_holds_no_other_up() -> None:
    """The others go at once, in their order; it waits by itself."""
    tries = of("bad", "b", "c")
    assert tries.next(0.0) == "bad"
    tries.refused("bad", 0.0)
    assert tries.next(0.0) == "b"
    tries.delivered("b")
    assert tries.next(0.0) == "c"
    tries.delivered("c")
    assert tries.next(FIRST_S - 1) is None and tries.next(FIRST_S) == "bad"


def test_a_receiver_that_asks_for_time_gets_it_within_reason() -> None:
    """Retry-After, up to the longest pause."""
    tries = of("a", "b")
    tries.in_vain("a", 0.0, 60.0)
    assert tries.next(59.0) is None and tries.next(60.0) is not None
    tries.in_vain("a", 60.0, 1e9)
    assert tries.next(60.0 + LONGEST_S) is not None


def test_whoever_says_that_it_works_now_is_believed() -> None:
    """Everything is tried at once."""
    tries = of("a")
    for _ in range(9):
        tries.in_vain("a", 0.0)
    tries.at_once()
    assert tries.next(0.0) == "a"
