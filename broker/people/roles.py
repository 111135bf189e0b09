"""Who may do what with the registers: people, roles and tokens, kept in `roles.toml` as salted hashes.

registrar  reads everything, names included, and writes
viewer     reads without names and birth dates; `sees_names = true` gives the right to names

A token is `<id>.<secret>`, the secret 256 random bits, so a salted SHA-256 is hash enough. It is given as
HTTP bearer, or typed once into the login form, which answers with the cookie of a session. Sessions are kept
here, last for a working day at most, and end with the log-out and with the process. Who guesses tokens waits
longer each time. Without a role file only this machine may read, as a viewer, and nobody writes.
"""

import hashlib
import hmac
import secrets
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from broker.durable_file import Disk, write_durably
from broker.people.attempts import Attempts
from broker.people.errors import BadRoles, Denied

Role = Literal["viewer", "registrar"]

SESSION_S = 9 * 3600
LOOPBACK = frozenset({"127.0.0.1", "::1"})
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
HOW_TO = (
    "Make a role file with `python3 -m broker elections grant --roles roles.toml --name <who> --role registrar` "
    "and name it in the configuration ([registers] roles_file)."
)


@dataclass(frozen=True, slots=True)
class Person:
    """One who is known by a token."""

    id: str
    name: str
    role: Role
    sees_names: bool
    salt: str
    hash: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever makes a request, and what they may do."""

    name: str
    role: Role
    sees_names: bool

    def may_write(self) -> bool:
        """Only registrars write."""
        return self.role == "registrar"


LOCAL_VIEWER = Visitor("this machine", "viewer", False)


@dataclass(slots=True)
class Roles:
    """All known people; `configured` is False without a role file."""

    people: dict[str, Person] = field(default_factory=dict)
    configured: bool = False
    now: Callable[[], float] = time.time
    attempts: Attempts = field(default_factory=Attempts)
    _sessions: dict[str, tuple[str, float]] = field(default_factory=dict)  # cookie: person's id, until when
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def by_token(self, token: str) -> Visitor:
        """The visitor a token belongs to; Denied when it belongs to nobody."""
        name, _, secret = token.strip().partition(".")
        person = self.people.get(name)
        known = person.hash if person else "0" * 64
        given = token_hash(person.salt if person else "", secret)
        if not hmac.compare_digest(known, given) or person is None:
            raise Denied("this token is not known; ask the registrar for a new one")
        return Visitor(person.name, person.role, person.sees_names)

    def cookie(self, token: str) -> str:
        """Begins a session of the token's owner; Denied when it is nobody's."""
        self.by_token(token)
        now = self.now()
        self._sessions = {cookie: held for cookie, held in self._sessions.items() if held[1] >= now}
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = (token.strip().partition(".")[0], now + SESSION_S)
        return cookie

    def by_cookie(self, cookie: str) -> Visitor | None:
        """The visitor of a session; None when it is over, or never was."""
        name, until = self._sessions.get(cookie, ("", 0.0))
        person = self.people.get(name)
        if person is None or until < self.now():
            return None
        return Visitor(person.name, person.role, person.sees_names)

    def end(self, cookie: str) -> None:
        """Ends a session: whoever kept its cookie is nobody from now on."""
        self._sessions.pop(cookie, None)

    def form_key(self, cookie: str) -> str:
        """What a form of this session must carry, so that no other site can send it."""
        return hmac.new(self._secret, cookie.encode(), hashlib.sha256).hexdigest()[:32]


def local_visitor(roles: Roles, client: str | None, host: str | None, forwarded: bool) -> Visitor:
    """Who asks without a token: a viewer from this very machine while no roles are configured; else Denied."""
    name = (host or "").rsplit(":", 1)[0] if not (host or "").endswith("]") else host
    if not roles.configured and client in LOOPBACK and name in LOOPBACK_HOSTS and not forwarded:
        return LOCAL_VIEWER
    if roles.configured:
        raise Denied("the registers are open to known people only: log in, or send your token as HTTP bearer")
    raise Denied(f"no roles are configured, so the registers are shown on this machine only. {HOW_TO}")


def token_hash(salt: str, secret: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()


def load_roles(path: Path | None, now: Callable[[], float] = time.time) -> Roles:
    """The people of a role file; no path means no roles. BadRoles names file, section, key and what to do."""
    if path is None:
        return Roles(now=now)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _wrong(path, "", f"the file does not exist. {HOW_TO}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, "", str(error)) from error
    if set(content) - {"person"} or not isinstance(content.get("person", {}), dict):
        raise _wrong(path, "", "only sections [person.<id>] are known; remove the others")
    people = {name: _person(path, name, section) for name, section in content.get("person", {}).items()}
    return Roles(people, True, now)


def grant(path: Path, name: str, role: Role, sees_names: bool) -> str:
    """Add a person to the role file (made if missing) and return the new token, which is stored nowhere."""
    if not name.strip() or not name.isprintable() or any(sign in name for sign in '"\\'):
        raise BadRoles("name: give a plain name without quotes")
    known = load_roles(path).people if path.exists() else {}
    number = 1 + max((int(key[1:]) for key in known if key[1:].isdigit()), default=0)
    key, salt, secret = f"p{number}", secrets.token_hex(8), secrets.token_urlsafe(32)
    person = Person(key, name.strip(), role, sees_names or role == "registrar", salt, token_hash(salt, secret))
    lines = ["# People who may use the registers; tokens are stored as salted hashes only.", ""]
    for item in [*known.values(), person]:
        lines += [
            f"[person.{item.id}]", f'name = "{item.name}"', f'role = "{item.role}"',
            f"sees_names = {str(item.sees_names).lower()}", f'salt = "{item.salt}"', f'hash = "{item.hash}"', "",
        ]
    write_durably(Disk(), path, "\n".join(lines).encode())
    return f"{key}.{secret}"


def _person(path: Path, name: str, section: object) -> Person:
    if not isinstance(section, dict):
        raise _wrong(path, f"person.{name}", "must be a section")
    unknown = set(section) - {"name", "role", "sees_names", "salt", "hash"}
    if unknown:
        raise _wrong(path, f"person.{name}", f"unknown key {sorted(unknown)[0]!r}; remove it")
    for key in ("name", "role", "salt", "hash"):
        if not isinstance(section.get(key), str) or not section[key]:
            raise _wrong(path, f"person.{name}.{key}", "must be a text")
    role = section["role"]
    if role not in ("viewer", "registrar"):
        raise _wrong(path, f"person.{name}.role", "must be viewer or registrar")
    sees_names = section.get("sees_names", role == "registrar")
    if not isinstance(sees_names, bool):
        raise _wrong(path, f"person.{name}.sees_names", "must be true or false")
    return Person(name, section["name"], role, sees_names, section["salt"], section["hash"])


def _wrong(path: Path, key: str, message: str) -> BadRoles:
    return BadRoles(f"{path} {key}".strip() + f": {message}")
