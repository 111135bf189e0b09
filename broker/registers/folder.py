"""Both registers of one folder, and the little they share: the clock, the area's day, who looked at them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from broker.durable_file import Disk
from broker.registers.elections.checks import election_problems
from broker.registers.elections.models import ElectionRegister
from broker.registers.errors import NotFound
from broker.registers.kept.register import Register
from broker.registers.privacy import completed
from broker.registers.safety.checks import safety_problems
from broker.registers.safety.models import SafetyRegister
from broker.registers.validation import Kind

ELECTIONS = Kind("elections", ElectionRegister, election_problems, completed)
SAFETY = Kind("safety", SafetyRegister, safety_problems, completed)


class AccessNotes(Protocol):
    """Where it is written down who looked at members' data (broker/people/access_log.py); handed in."""

    def note(self, who: str, role: str, action: str, what: str) -> None:
        """Write one line durably; an access that cannot be written down must not happen (OSError)."""
        ...


@dataclass(frozen=True, slots=True)
class Registers:
    """The two registers; `today()` is the day in the area's time zone."""

    elections: Register[ElectionRegister]
    safety: Register[SafetyRegister]
    access: AccessNotes
    now: Callable[[], float]
    timezone: ZoneInfo

    def named(self, which: str) -> Register[Any]:
        """The register of this name; raises NotFound for one there is not."""
        if which == self.elections.kind.name:
            return self.elections
        if which == self.safety.kind.name:
            return self.safety
        raise NotFound(f"no register {which!r}; there are elections and safety")

    def today(self) -> date:
        """The current day where the area is."""
        return datetime.fromtimestamp(self.now(), self.timezone).date()


def open_registers(
    folder: Path,
    *,
    access: AccessNotes,
    timezone: str = "Asia/Shanghai",
    now: Callable[[], float] = time.time,
    disk: Disk | None = None,
) -> Registers:
    """The registers kept in `folder` (`<data>/registers`); nothing is read or made before the first use."""
    zone = ZoneInfo(timezone)

    def day_of(at: int) -> str:
        return datetime.fromtimestamp(at, zone).date().isoformat()

    return Registers(
        Register(ELECTIONS, folder, disk=disk, now=now, day_of=day_of),
        Register(SAFETY, folder, disk=disk, now=now, day_of=day_of),
        access,
        now,
        zone,
    )
