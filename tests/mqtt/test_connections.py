"""A broker of our own that cannot hold all devices of the plan is said before the first one is turned away."""

import resource
from pathlib import Path

import pytest

from broker.config import BrokerConfig
from broker.mqtt.own_broker import connections
from broker.mqtt.own_broker.connections import OTHERS, OWN_FILES, too_few
from broker.plan.demo_area import demo_plan
from broker.process import embedded_broker

DEVICES = 1400


def test_a_limit_that_holds_all_devices_is_not_spoken_of() -> None:
    """Neither of the configuration nor of the machine."""
    assert too_few(DEVICES, DEVICES + OTHERS, DEVICES + OTHERS + OWN_FILES) == []


def test_each_limit_that_is_too_low_is_named_with_the_number_that_is_needed() -> None:
    """One device more than fits is enough."""
    configured, allowed = too_few(DEVICES, DEVICES + OTHERS - 1, DEVICES + OTHERS + OWN_FILES - 1)
    assert configured.startswith("[limits] connections: 1431 are too few, the plan has 1400 trucks and rooms")
    assert configured.endswith("set 1432 or more")
    assert "may have 1463 files open" in allowed
    assert "allow 1464 or more" in allowed


@pytest.mark.parametrize(("key", "files", "said"), [
    (20, 1024, "[limits] connections: 20 are too few"), (5000, 40, "a process may have 40 files open here"),
])  # fmt: skip
def test_start_and_check_say_so_of_the_plan_that_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: int, files: int, said: str
) -> None:
    """`--check-config` prints the broker's notes, a start logs them and shows them on the screen."""
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _: (files, files))
    config = BrokerConfig.model_validate(
        {"area": {"plan": "demo"}, "embedded": {"enabled": True, "folder": tmp_path}, "limits": {"connections": key}}
    )
    broker, _ = embedded_broker(config, demo_plan(), tmp_path)
    assert any(note.startswith(said) for note in broker.notes)


def test_what_is_not_limited_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless limit counts as what a process can be given without getting slow."""
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    assert connections.files_allowed() == connections.MOST_FILES
