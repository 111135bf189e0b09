"""The same floods where devices show certificates: a device that is put out may connect, and is heard by nobody."""

import time
from pathlib import Path

import pytest

from broker.config import LimitsConfig
from broker.mqtt.own_broker.guard import Guard
from tests.support.flood.run import flood
from tests.support.flood.shapes import SHAPES
from tests.support.identity.street import street
from tests.support.processes import Client, wait_until

pytestmark = pytest.mark.real
SLOW_MACHINE = 4


NOT_NAMED = ("half_packets",)  # nobody can say whose they are


@pytest.mark.parametrize("shape", [pytest.param(name, marks=pytest.mark.long) for name in SHAPES])
def test_one_device_with_a_certificate_hurts_only_itself(shape: str, tmp_path: Path) -> None:
    """Others' presses are stored meanwhile, after it and after a restart; what memory and disk it takes has an end."""
    found = flood(shape, tmp_path, 3.0, tls=True)
    assert found.faults(SLOW_MACHINE) == [], found.line()
    assert found.named or shape in NOT_NAMED, found.line()


def test_who_floods_is_heard_by_nobody_until_its_time_is_over(tmp_path: Path) -> None:
    """Its certificate lets it connect: what it says then is dropped, and another truck's connection stands."""
    with street(tmp_path, "t01", "t02") as here:
        guard = Guard(here.broker, LimitsConfig(closed_s=2))
        bridge = Client(here.broker.port, "bridge-xh", "zp/v1/xh/+/+/fix")
        proof, mine = here.certified("t01"), "zp/v1/xh/truck/t01/fix"
        flooding, other = here.come("t01", proof), here.come("t02", here.certified("t02"))
        flooding.say("fix", b"before")
        wait_until(lambda: mine in bridge.heard, "it is heard")
        guard.close("t01", "messages_per_s")
        guard.look()
        closed_at = time.monotonic()
        assert not flooding.is_answered() and other.is_answered()
        again = here.come("t01", proof)
        again.say("fix", b"meanwhile")
        other.say("fix", b"mine")
        wait_until(lambda: "zp/v1/xh/truck/t02/fix" in bridge.heard, "the other one is heard")
        assert again.is_answered() and bridge.heard[mine] == [b"before"]

        def is_open_again() -> bool:
            guard.look()
            again.say("fix", b"after")
            return bridge.heard[mine][-1] == b"after"

        wait_until(is_open_again, "it is heard again")
        assert time.monotonic() - closed_at >= 2 and b"meanwhile" not in bridge.heard[mine]
        bridge.close()
