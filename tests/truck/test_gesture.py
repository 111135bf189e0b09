"""The button: gestures from bouncing edges, in pure code."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.truck.button.diagram import gestures_page
from firmware.truck.button.gesture import DUE_S, TRANSITIONS, Gestures


def play(*edges: tuple[float, bool], until_s: float = 200.0) -> list[tuple[str, float]]:
    """The gestures of a list of (time, down) edges, looked at whenever the machine asks and every second."""
    gestures, made = Gestures(), []
    for at_s, down in edges:
        made += gestures.edge(down, at_s)
    return made + gestures.advance(until_s)


def names(made: list[tuple[str, float]]) -> list[str]:
    return [name for name, _ in made]


def test_the_diagram_in_the_documentation_is_drawn_from_the_table():
    """Else: `.venv/bin/python -m firmware.truck.button.diagram > docs/gestures.md`."""
    page = Path(__file__).parents[2] / "docs" / "gestures.md"
    assert page.read_text(encoding="utf-8") == gestures_page()
    assert all(f"{at_s:g} s" in gestures_page() for at_s in DUE_S.values())


def test_short_press_is_short():
    """Down and up within 1.5 s is one short press and nothing else."""
    assert names(play((10.0, True), (10.5, False))) == ["short"]


def test_hold_raises_at_one_and_a_half_seconds():
    """The incident is raised while the finger is still down, 1.5 s after it came down."""
    assert play((10.0, True), (12.0, False)) == [("raise", 11.5)]


def test_longer_hold_escalates_at_four_seconds():
    """Holding to 4 s makes the same gesture a breakdown."""
    assert play((10.0, True), (15.0, False)) == [("raise", 11.5), ("escalate", 14.0)]


@pytest.mark.parametrize("bounces", [1, 2, 7])
def test_bounces_are_one_press(bounces):
    """However often the contact bounces within 30 ms, it is one press."""
    edges = [(10.0 + i * 0.004, i % 2 == 0) for i in range(2 * bounces + 1)]
    edges += [(12.0 + i * 0.004, i % 2 == 1) for i in range(2 * bounces + 1)]
    assert names(play(*edges)) == ["raise"]


def test_glitch_is_nothing():
    """A spike shorter than the debounce time is no press."""
    assert play((10.0, True), (10.02, False)) == []


def test_spike_during_a_hold_does_not_end_it():
    """A contact that opens for 10 ms in the middle of a hold is still held."""
    assert names(play((10.0, True), (11.0, False), (11.01, True), (12.5, False))) == ["raise"]


@pytest.mark.parametrize("open_ms", [5, 29, 31, 35, 100, 250, 299])
@pytest.mark.parametrize("at_s", [0.1, 0.8, 1.3, 1.48, 1.499, 1.5, 1.51, 1.8, 2.0, 3.0, 3.8, 3.99, 4.0, 4.01, 4.4])
def test_contact_that_opens_for_a_moment_in_a_hold_ends_nothing(at_s, open_ms):
    """One hold of 2.2 s is one alarm, one of 5 s is one breakdown, wherever and however long below 300 ms it opens."""
    back_s = at_s + open_ms / 1000
    for hold_s, meant in ((2.2, ["raise"]), (5.0, ["raise", "escalate"])):
        if back_s + 0.05 < hold_s:
            made = play((0.0, True), (at_s, False), (back_s, True), (hold_s, False))
            assert names(made) == meant
            assert [when_s for _, when_s in made] == [1.5, 4.0][: len(meant)]


def test_contact_that_chatters_all_through_a_hold_ends_nothing():
    """Openings of 20 to 280 ms one after the other are still one hold."""
    edges, now_s = [(0.0, True)], 0.0
    for opening in range(20, 290, 15):
        edges += [(now_s + 0.1, False), (now_s + 0.1 + opening / 1000, True)]
        now_s += 0.1 + opening / 1000
    assert now_s > 4.0
    assert names(play(*edges, (now_s + 0.5, False))) == ["raise", "escalate"]


@pytest.mark.parametrize(("away_s", "meant"), [(0.25, ["raise"]), (0.299, ["raise"]), (0.35, ["raise", "short"])])
def test_press_withdraws_only_after_the_finger_was_away_for_300_ms(away_s, meant):
    """A contact that closes again sooner belongs to the hold, however short it is closed then."""
    assert names(play((0.0, True), (2.0, False), (2.0 + away_s, True), (2.2 + away_s, False))) == meant


def test_spikes_while_the_finger_is_away_do_not_bring_it_back():
    """Closings shorter than the debounce time, every 100 ms, leave a hold ended where the finger left."""
    edges = [(0.0, True), (2.0, False)]
    for spike in range(1, 30):
        edges += [(2.0 + spike / 10, True), (2.01 + spike / 10, False)]
    assert names(play(*edges, (6.0, True), (6.2, False), until_s=20.0)) == ["raise", "short"]


def test_finger_gone_just_before_the_deadline_raises_nothing():
    """Let go at 1.49 s is a short press, although the contact settles only after 1.5 s."""
    assert names(play((10.0, True), (11.49, False))) == ["short"]


def test_stuck_button_is_reported_once_and_ignored():
    """Down for 60 s is stuck: told once, ignored until let go, then told again and usable."""
    made = play((10.0, True), (300.0, False), (301.0, True), (303.0, False), until_s=400.0)
    assert names(made) == ["raise", "escalate", "stuck", "freed", "raise"]


def test_button_down_at_start_is_ignored():
    """A contact closed before the program began presses nothing until it was open once."""
    gestures = Gestures(down=True)
    assert gestures.advance(100.0) == []
    assert names(gestures.edge(False, 100.0) + gestures.advance(101.0)) == ["freed"]


def test_late_edges_give_the_same_gestures():
    """A program that was frozen for a minute makes of the edges what it would have made at once."""
    edges = [(10.0, True), (11.4, False), (11.6, True), (12.0, False), (15.0, True), (15.2, False)]
    punctual = Gestures()
    made = []
    for tenth in range(700):
        now_s = tenth / 10
        for at_s, down in edges:
            if abs(at_s - now_s) < 1e-9:
                made += punctual.edge(down, at_s)
        made += punctual.advance(now_s)
    assert made == play(*edges)


def test_table_is_complete():
    """Every state has a way out, and every state with a deadline has a transition for it."""
    states = {state for state, _ in TRANSITIONS}
    assert {after for after, _ in TRANSITIONS.values()} <= states
    assert {(state, "due") for state in DUE_S} <= set(TRANSITIONS)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(0.001, 5.0), st.booleans()), max_size=60))
def test_any_edges_keep_the_order(steps):
    """Whatever the contact does: times never go back, an escalation follows its raise, no edge raises an error."""
    gestures, made, now_s = Gestures(), [], 0.0
    for step_s, down in steps:
        now_s += step_s
        made += gestures.edge(down, now_s)
        wake_at_s = gestures.wake_at_s
        assert wake_at_s is None or wake_at_s > now_s
    made += gestures.advance(now_s + 100)
    assert [at_s for _, at_s in made] == sorted(at_s for _, at_s in made)
    for before, (name, _) in zip(["", *names(made)], made, strict=False):
        if name == "escalate":
            assert before == "raise"
        if name == "stuck":
            assert before == "escalate"
