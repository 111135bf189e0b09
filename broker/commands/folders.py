"""The folders that a configuration names: whether there are such, or can be."""

import os
from pathlib import Path

from broker.config import ConfigError, OutsideConfig


def must_have_a_place(key: str, place: Path) -> None:
    """Raises ConfigError where a folder is none, can never be one, or is not to be written."""
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise ConfigError(f"{key}: {place} is no folder; name a folder, which may be one that is not there yet")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ConfigError(f"{key}: {place} cannot be written by this user; correct its path or mode")


def outside_must_have_a_place(outside: OutsideConfig) -> None:
    """The same of what is told outside."""
    if outside.receiver:
        must_have_a_place("[outside] folder", outside.folder)
    for receiver in outside.receiver:
        if receiver.folder is not None:
            must_have_a_place(f"[outside] receiver {receiver.name} folder", receiver.folder)
