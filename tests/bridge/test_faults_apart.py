"""A rule that fails on one thing stops no decision on another: each is made, kept and told by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest

from broker.rules.dispatch import time_passing
from tests.support.rehearsal import InjectedError, Rehearsal, check_memory

PRESS = "t01-1-press"


@cache
def under_way() -> Rehearsal:
    """A morning on which the first room was served."""
    morning = Rehearsal()
    morning.serve(0)
    morning.step(20, 5.0)
    return morning


@contextmanager
def broken(place: Any, name: str, only: Any = lambda *_, **__: True) -> Iterator[None]:
    """Have a rule raise whenever it is asked, or only on some arguments."""
    real = getattr(place, name)

    def replaced(*args: Any, **more: Any) -> Any:
        if only(*args, **more):
            raise InjectedError(name)
        return real(*args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, replaced)
        yield


def test_offers_that_fail_stop_no_alarm() -> None:
    """The alarm of a breakdown repeats; an acknowledgement runs out, though nothing can be offered."""
    morning = under_way().again()
    morning.speak = False
    morning.press("breakdown", incident_id=PRESS)
    with broken(time_passing, "offers_for"):
        morning.step(70)
        assert morning.bridge.dispatch.day.incidents["t01", PRESS].repeats == 1
        morning.act("acknowledge", PRESS)
        assert morning.stage(PRESS) == "seen"
        morning.step(905)
        assert morning.bridge.dispatch.day.incidents["t01", PRESS].workflow == "raised"
        assert morning.bridge.counts["rule_faults"] > 0
    check_memory(morning)


def test_an_alarm_that_fails_stops_no_offer() -> None:
    """A breakdown is not alarmed again, what could be done about it is shown all the same."""
    morning = under_way().again()
    morning.press("breakdown", incident_id=PRESS)
    with broken(time_passing, "_overdue"):
        morning.step(70)
        made_at, offers = morning.bridge.dispatch.day.incidents.offers(("t01", PRESS))
        assert offers and morning.now - made_at <= time_passing.OFFER_EVERY_S
        assert morning.bridge.counts["rule_faults"] > 0


def test_neither_stops_what_is_resolved_from_ending() -> None:
    """A resolved press is closed while its offers and alarms fail."""
    morning = under_way().again()
    morning.press("breakdown", incident_id=PRESS)
    with broken(time_passing, "offers_for"), broken(time_passing, "_overdue"):
        morning.step(2)
        morning.act("resolve", PRESS)
        morning.step(2)
        assert morning.bridge.counts["rule_faults"] > 0
    assert not morning.bridge.dispatch.day.incidents["t01", PRESS].open
    check_memory(morning)
