"""Mosquitto's generated files as the desk's broker reads them: its settings, who may come in, and who may say what."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=50_000)
def matches(pattern: str, topic: str) -> bool:
    """Whether an MQTT topic filter covers a topic; a wildcard in front covers nothing below `$`."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for i, want in enumerate(wanted):
        if want == "#":
            return True
        if i >= len(levels) or want not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)


def settings(path: Path) -> dict[str, str]:
    """The lines of a mosquitto.conf by their first word."""
    pairs = (line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return {key: rest.strip() for key, _, rest in pairs if key and not key.startswith("#")}


class Accounts:
    """The password file: who comes in with which password."""

    def __init__(self, text: str) -> None:
        self._lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def admit(self, user: str, password: bytes) -> bool:
        """Whether this is the user's password (PBKDF2-SHA512, as `mosquitto.password_line` writes it)."""
        try:
            _, kind, rounds, salt, digest = self._lines[user].split("$")
            made = hashlib.pbkdf2_hmac("sha512", password, base64.b64decode(salt), int(rounds))
            return kind == "7" and hmac.compare_digest(made, base64.b64decode(digest))
        except (KeyError, ValueError):
            return False


@dataclass(slots=True)
class Topics:
    """The access list: what a user may write and read; what it does not name nobody may."""

    rules: Mapping[str, list[tuple[str, str]]]  # by user: (read, write, readwrite or deny; topic filter)
    patterns: list[tuple[str, str]]  # for everybody, %u and %c being the user's name
    _known: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "Topics":
        """What the text of an acl_file says."""
        rules: dict[str, list[tuple[str, str]]] = {}
        patterns: list[tuple[str, str]] = []
        user = ""
        for line in text.splitlines():
            kind, _, rest = line.strip().partition(" ")
            access, _, topic = rest.strip().partition(" ")
            if kind == "user":
                user = rest.strip()
            elif kind in ("topic", "pattern"):
                rule = (access, topic.strip()) if topic else ("readwrite", access)
                (patterns if kind == "pattern" else rules.setdefault(user, [])).append(rule)
        return cls(rules, patterns)

    def may(self, user: str, deed: str, topic: str) -> bool:
        """Whether a user may `write` or `read` this topic."""
        asked = (user, deed, topic)
        if asked not in self._known:
            if len(self._known) > 100_000:  # a client that makes topics up must not fill the memory
                self._known.clear()
            own = [(access, rule.replace("%u", user).replace("%c", user)) for access, rule in self.patterns]
            said = {access for access, rule in [*self.rules.get(user, ()), *own] if matches(rule, topic)}
            self._known[asked] = "deny" not in said and bool(said & {deed, "readwrite"})
        return self._known[asked]
