"""Wrong sign-ins over a restart, in `attempts.json`: how long accounts wait, what places were wrong lately, who knows.

Names that no account has stand in no file: what was typed may be a password. Nor do wrong tokens and links: nobody
guesses 256 bits. A file that is gone or damaged says nothing, and keeps nobody out.
"""

import logging
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from broker.durable_file import Disk, write_durably
from broker.people.attempts.delays import Guessed
from broker.people.attempts.limits import Limits, Tried
from broker.people.attempts.wrong import NOBODY, Wrong, WrongSignIns

log = logging.getLogger("zhanpai.web")

ATTEMPTS = "attempts.json"


class AttemptsFile(BaseModel):
    """`attempts.json`; bounded by the number of accounts and by MOST_TRIED."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: int = 1
    guessed: dict[str, Guessed] = {}
    tried: tuple[Tried, ...] = ()
    wrong: dict[str, Wrong] = {}


class KeptAttempts:
    """What `limits` and `wrong` have counted, brought back at the start and written after each wrong sign-in."""

    def __init__(
        self, folder: Path, limits: Limits, wrong: WrongSignIns, accounts: Callable[[], Collection[str]],
        disk: Disk | None = None,
    ) -> None:  # fmt: skip
        self._path, self._limits, self._wrong, self._accounts = folder / ATTEMPTS, limits, wrong, accounts
        self._disk, self._turn = disk or Disk(), threading.Lock()
        try:
            kept = AttemptsFile.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as why:
            log.warning("%s is not read, wrong sign-ins are counted anew: %s", self._path, str(why).splitlines()[0])
            return
        limits.takes(kept.guessed, kept.tried)
        wrong.takes(kept.wrong)

    def keep(self) -> None:
        """Write what is counted now; a disk that takes nothing keeps nobody from signing in."""
        with self._turn:
            accounts = set(self._accounts())
            guessed, tried = self._limits.counted()
            kept = AttemptsFile(
                guessed={one: held for one, held in guessed.items() if one in accounts}, tried=tried,
                wrong={one: held for one, held in self._wrong.lately().items() if one in accounts | {NOBODY}},
            )  # fmt: skip
            try:
                write_durably(self._disk, self._path, kept.model_dump_json(indent=1).encode() + b"\n")
            except OSError as why:
                log.warning("wrong sign-ins could not be kept (%s)", why)
