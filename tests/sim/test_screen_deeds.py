"""What a person does on the screen is told once, and what the scenario's own dispatcher did is not."""

from typing import Any

from sim.live.screen_deeds import ScreenDeeds


def row(**more: Any) -> dict[str, Any]:
    """An incident of a picture."""
    none = dict.fromkeys(("acknowledged_at", "decided_at", "cleared_at", "estate_ack_at", "decision", "who"))
    return {"truck": "t01", "incident_id": "i1", "workflow": "raised", "changed_at": 7, **none, **more}


def told(deeds: ScreenDeeds, **more: Any) -> list[str]:
    """The actions that a picture adds."""
    return [deed["action"] for deed in deeds.look({"incidents": [row(**more)]})]


def test_each_step_is_told_once() -> None:
    """Seen, decided, resolved; the same picture again says nothing."""
    deeds = ScreenDeeds(set())
    assert told(deeds) == []
    assert told(deeds, workflow="acknowledged", acknowledged_at=5) == ["acknowledge"]
    assert told(deeds, workflow="acknowledged", acknowledged_at=5) == []
    decided = {"acknowledged_at": 5, "decided_at": 6, "decision": "wait"}
    assert deeds.look({"incidents": [row(workflow="in_progress", **decided)]}) == [
        {"at": 7, "truck": "t01", "action": "decide", "decision": "wait"}
    ]
    assert told(deeds, workflow="resolved", **decided) == ["resolve"]
    assert told(deeds, workflow="closed", **decided) == []


def test_who_decides_at_once_has_seen_it_by_that() -> None:
    """One deed, not two; a changed decision is another."""
    deeds = ScreenDeeds(set())
    assert told(deeds, workflow="in_progress", acknowledged_at=5, decided_at=5, decision="wait") == ["decide"]
    assert told(deeds, workflow="in_progress", acknowledged_at=5, decided_at=9, decision="wait") == ["decide"]


def test_what_the_scenarios_dispatcher_did_is_not_a_persons() -> None:
    """It is in the scenario already."""
    deeds = ScreenDeeds({("t01", "i1", "acknowledge")})
    assert told(deeds, workflow="acknowledged", acknowledged_at=5) == []
    assert told(deeds, workflow="in_progress", acknowledged_at=5, decided_at=6, decision="wait") == ["decide"]


def test_a_lane_that_the_keeper_cleared_is_no_deed_of_the_screen() -> None:
    """A person's click is; so is the estate's answer."""
    keeper, person = ScreenDeeds(set()), ScreenDeeds(set())
    assert told(keeper, cleared_at=9, who="keeper of r05") == []
    assert told(person, cleared_at=9, who="dispatcher", estate_ack_at=8) == ["clear", "estate_ack"]
