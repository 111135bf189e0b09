"""Virtual time: what happens when, in which order."""

from sim.world.timeline import Timeline


def test_actions_run_in_time_order_and_ties_in_order_of_asking() -> None:
    """An earlier action runs first; two of the same moment in the order they were asked for."""
    timeline = Timeline(100.0)
    seen: list[tuple[str, float]] = []
    for name, when in (("late", 130.0), ("first", 110.0), ("second", 110.0)):
        timeline.at(when, lambda name=name: seen.append((name, timeline.now)))  # type: ignore[misc]
    assert timeline.run_until(120.0) == 2
    assert seen == [("first", 110.0), ("second", 110.0)]
    assert timeline.now == 120.0


def test_a_cancelled_appointment_does_not_happen() -> None:
    """`cancel` takes an action out, also when it is the next one."""
    timeline = Timeline(0.0)
    seen: list[str] = []
    timeline.at(1.0, lambda: seen.append("cancelled")).cancel()
    timeline.at(2.0, lambda: seen.append("kept"))
    assert timeline.next_at() == 2.0
    timeline.run_until(5.0)
    assert seen == ["kept"]


def test_a_moment_that_has_passed_means_now() -> None:
    """Time never goes back: an action asked for too late runs at the present."""
    timeline = Timeline(50.0)
    seen: list[float] = []
    timeline.at(10.0, lambda: seen.append(timeline.now))
    timeline.run_until(60.0)
    assert seen == [50.0]


def test_every_repeats_for_as_long_as_time_runs() -> None:
    """`every` runs once per period, beginning one period from now."""
    timeline = Timeline(0.0)
    seen: list[float] = []
    timeline.every(10.0, lambda: seen.append(timeline.now))
    timeline.run_until(35.0)
    assert seen == [10.0, 20.0, 30.0]
