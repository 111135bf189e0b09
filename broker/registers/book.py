"""Both registers of one folder, and the little they share: the clock, the area's day, the access log."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.registers.access_log import AccessLog
from broker.registers.checking import Kind
from broker.registers.durable import Disk
from broker.registers.election_checks import election_problems
from broker.registers.election_models import ElectionRegister
from broker.registers.register import Register
from broker.registers.safety_checks import safety_problems
from broker.registers.safety_models import SafetyRegister

ELECTIONS = Kind("elections", ElectionRegister, election_problems)
SAFETY = Kind("safety", SafetyRegister, safety_problems)


@dataclass(frozen=True, slots=True)
class Registers:
    """The two registers; `today()` is the day in the area's time zone."""

    elections: Register[ElectionRegister]
    safety: Register[SafetyRegister]
    access: AccessLog
    now: Callable[[], float]
    timezone: ZoneInfo

    def today(self) -> date:
        """The current day where the area is."""
        return datetime.fromtimestamp(self.now(), self.timezone).date()


def open_registers(
    folder: Path, *, timezone: str = "Asia/Shanghai", now: Callable[[], float] = time.time, disk: Disk | None = None,
) -> Registers:
    """The registers kept in `folder` (`<data>/registers`); nothing is read or made before the first use."""
    zone = ZoneInfo(timezone)

    def day_of(at: int) -> str:
        return datetime.fromtimestamp(at, zone).date().isoformat()

    return Registers(
        Register(ELECTIONS, folder, disk=disk, now=now, day_of=day_of),
        Register(SAFETY, folder, disk=disk, now=now, day_of=day_of),
        AccessLog(folder, now=now, day_of=day_of), now, zone,
    )
