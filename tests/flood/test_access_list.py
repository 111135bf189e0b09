"""Accounts at the broker: one family, one id, and what is neither is refused by name."""

from pathlib import Path

import pytest

from broker.mqtt.own_broker.access_list import AccountError, access_list, account_of, families_of, rights
from tests.support.processes import Client, mosquitto, wait_until


@pytest.mark.parametrize(
    "name", ["#", "+", "t/01", "t01/#", "truck/+", "house/t01", "a\nuser x", "t 01", "", "$SYS", ".t", "t\x00"]
)
def test_an_account_that_is_no_id_is_refused(name: str) -> None:
    """Wildcards, slashes, spaces and control characters would open other topics, or another line."""
    with pytest.raises(AccountError):
        families_of([name], "xh", [])
    with pytest.raises(AccountError):
        account_of(f"{name}:secret")


@pytest.mark.parametrize("line", ["t01", "t01:", "t01: ", "t01:a\x07b", "t01:a\u202eb"])
def test_a_line_without_a_good_password_is_refused(line: str) -> None:
    """The account is named, its password is not."""
    with pytest.raises(AccountError) as refused:
        account_of(line)
    assert "\x07" not in str(refused.value) and "a\u202eb" not in str(refused.value)


def test_a_password_may_hold_colons() -> None:
    """Only the first one ends the name."""
    assert account_of("room/r01:a:b") == ("room/r01", "a:b")


def test_the_plan_says_what_an_account_is_unless_it_says_so_itself() -> None:
    """A name in no plan is a truck: a stranger's press must be heard."""
    found = families_of(["t01", "r01", "v9", "room/n7", "bridge-xh", "watch-xh"], "xh", ["r01"])
    assert found == {"t01": "truck", "r01": "room", "v9": "truck", "n7": "room"}
    with pytest.raises(AccountError, match="r01: is named as a room and as a truck"):
        families_of(["r01", "truck/r01"], "xh", ["r01"])


def test_nothing_in_the_list_is_a_pattern() -> None:
    """Each line names an account; no wildcard stands in the place of an id."""
    text = access_list("xh", {"t01": "truck", "r01": "room"})
    assert "pattern" not in text
    written = [line for line in text.splitlines() if line.startswith("topic write")]
    devices = [line for line in written if line != "topic write zp/v1/xh/+/+/command"]  # the authority's own account
    assert len(devices) == len(written) - 1
    assert devices and all("/truck/t01/" in line or "/room/r01/" in line for line in devices)
    assert all(topic.startswith("zp/v1/xh/room/r01/") for topic in rights("room", "xh", "r01").says)


@pytest.mark.real
def test_a_rooms_board_and_a_reader_press_no_trucks_button(tmp_path: Path) -> None:
    """Whatever they are called: not under their own name either."""
    broker = mosquitto(tmp_path / "broker", "t01", "r01")
    bridge = Client(broker.port, "bridge-xh", "zp/v1/xh/#")
    others = [Client(broker.port, name) for name in ("r01", "watch-xh")]
    truck = Client(broker.port, "t01")
    try:
        for other, name in zip(others, ("r01", "watch-xh"), strict=True):
            for family in ("truck", "room"):
                other.say(f"zp/v1/xh/{family}/{name}/incident/x", b"x", retain=True)
            other.say(f"zp/v1/xh/truck/{name}/fix", b"x")
        truck.say("zp/v1/xh/room/t01/bins", b"x")
        others[0].say("zp/v1/xh/room/r01/bins", b"x")
        truck.say("zp/v1/xh/truck/t01/fix", b"x")
        wait_until(lambda: len(bridge.heard) >= 2, "their own words arrive")
        assert set(bridge.heard) == {"zp/v1/xh/room/r01/bins", "zp/v1/xh/truck/t01/fix"}
    finally:
        for client in (bridge, truck, *others):
            client.close()
        broker.stop()
