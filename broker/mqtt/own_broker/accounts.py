"""The passwords of an embedded broker: given by a person, or generated once into a file that only its user can read."""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from broker.config import ConfigError
from broker.durable_file import Disk, write_durably

NAME = "passwords"
PASSWORD_BYTES = 18


def all_accounts(
    given: Mapping[str, str], names: Iterable[str], folder: Path, *, keep: bool = True
) -> tuple[dict[str, str], str | None]:
    """The password of each name: as given, else as it stands in FOLDER/passwords, else generated into it now.

    Not `keep`: for a trial, nothing is written. The second value is what a person should know where that file cannot
    be written. Raises ConfigError.
    """
    path = folder / NAME
    generated = _generated(path)
    new = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in names if name not in given and name not in generated}
    note = None
    if new and keep and not generated and (folder / "accounts").exists():
        note = (
            f"[embedded] folder: {path} is gone, so the passwords were made anew: every device needs its own again. "
            "Put it back from a copy and start again, or give each device its new one"
        )
    if new and keep:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = "".join(f"{user}:{password}\n" for user, password in sorted({**generated, **new}.items()))
            write_durably(Disk(), path, text.encode())
        except OSError as why:
            note = (
                f"[embedded] folder: {path} cannot be written ({why.strerror}): the passwords of "
                f"{', '.join(sorted(new)[:3])}{' ...' if len(new) > 3 else ''} change with each start until it can"
            )
    return {**generated, **new, **given}, note


def _generated(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as why:
        raise ConfigError(_damaged(path, str(why))) from why
    pairs = [line.split(":", 1) for line in text.splitlines()]
    if not pairs or not all(len(pair) == 2 and all(pair) and pair[0].isprintable() for pair in pairs):
        raise ConfigError(_damaged(path, "not lines of user:password"))
    return {pair[0]: pair[1] for pair in pairs}


def _damaged(path: Path, why: str) -> str:
    return (
        f"[embedded] folder: {path} cannot be used ({why}): put it back from a copy; or remove it, then all passwords "
        "are made anew and every device needs its own"
    )
