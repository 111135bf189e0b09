"""Mosquitto as a child process with a generated configuration, for the demo, the tests and a one-machine set-up.

Every account may speak only for the device it names (access_list.py). The child dies with its parent, however that
ends.
"""

import base64
import hashlib
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from broker.mqtt.own_broker.access_list import access_list, families_of
from broker.mqtt.own_broker.accounts import NAME as PASSWORDS
from broker.mqtt.own_broker.child import NOTED_S, BrokerChild, EmbeddedBrokerError
from broker.mqtt.own_broker.mosquitto_conf import BrokerLimits, Outside, configuration
from broker.mqtt.own_broker.revoked import (
    CRL,
    LISTS,
    OUT,
    HalfBroughtError,
    Revoked,
    RevokedError,
    Stamp,
    read_revoked,
    stamp,
)

log = logging.getLogger("zhanpai.embedded")

BROUGHT_S = 5.0  # so long one of the two lists may be there before the other
# Mosquitto looks for each name of its access list among all before it: 22,400 accounts took it 15 s of processor.
READ_WITHIN_S = 2_500  # accounts, read in a second at worst; n times as many take n * n seconds
PBKDF2_ROUNDS = 101  # Mosquitto's own default; accounts here are long random keys, not words

DESK_ONLY = (
    "no Mosquitto here: the desk's own broker stands in, which is not for the street (no TLS, and it forgets what it "
    "holds when it ends). For the street: apt-get install mosquitto"
)


def find_mosquitto() -> Path | None:
    """The Mosquitto program of this machine (also where a user's PATH has no sbin), or None."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def password_line(user: str, password: str) -> str:
    """One line of a Mosquitto password file (PBKDF2-SHA512)."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS)
    return f"{user}:$7${PBKDF2_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


class EmbeddedBroker(BrokerChild):
    """One Mosquitto child on `host:port`; `accounts` maps user names (device ids, `bridge-<area>`) to passwords.

    A device that is not one of `rooms` is a truck, unless its account is named `room/<id>`; AccountError for no id.

    `folder` keeps configuration, accounts, retained messages and sessions over restarts.
    """

    guarded = True  # whether SIGHUP makes it read its accounts anew

    def __init__(
        self, folder: Path, area: str, accounts: Mapping[str, str], *, rooms: Collection[str] = (),
        host: str = "127.0.0.1", port: int = 0, limits: BrokerLimits | None = None, outside: Outside | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder, host, port)
        self.area = area
        self.limits = limits or BrokerLimits()
        self.outside = outside
        self.families = families_of(accounts, area, rooms)
        plain = {account.rpartition("/")[2]: password for account, password in accounts.items()}
        self.start_timeout_s += (len(plain) / READ_WITHIN_S) ** 2
        self._account_lines = {user: password_line(user, password) for user, password in sorted(plain.items())}
        self._written: dict[str, tuple[str, int]] = {}  # what stands in its files, and their modes
        self._closed: frozenset[str] = frozenset()
        self._revoked = Revoked("")
        self._revoked_stamp: Stamp | None = None  # of what the broker has; None: it is to be brought again
        self._half_since: float | None = None  # one of the two lists is there before the other
        self._kept_revoked = self.folder  # where the last good lists lie, wherever it runs
        self._changing = threading.Lock()  # a SIGHUP before it has come up would end it

    @property
    def notes(self) -> list[str]:
        """As every broker's, and who is shut out by the area's authority."""
        out = sorted(self._revoked.out)
        said = f"shut out by the area's authority, nothing is heard of it: {', '.join(out)}"
        return [*super().notes, *([said] if out else [])]

    def start(self) -> None:
        """As every broker; the accounts that are closed stay closed."""
        with self._changing:
            if self.outside is not None:
                for port in self.outside.ports:
                    self.must_be_free(self.outside.host, port)
            super().start()

    def command(self) -> list[str]:
        """Mosquitto with its configuration."""
        program = find_mosquitto()
        if program is None:
            raise EmbeddedBrokerError("Mosquitto is not installed; run: apt-get install mosquitto")
        return [str(program), "-c", str(self.folder / "mosquitto.conf")]

    def admit(self, *, closed: Collection[str], instead: Mapping[str, str] | None = None) -> None:
        """Let in all but these, and who is in `instead` by another password; who is in and should not be is put out.

        Raises OSError, EmbeddedBrokerError; whoever is `closed` is not let in by a restart either.
        """
        with self._changing:
            self._closed = frozenset(closed)
            self._put("accounts", self._accounts(instead or {}, self._revoked), 0o600)
            if self._shows_certificates:  # by which it comes in without an account
                self._put("acl", self._access_list(self._revoked), 0o600)
            self._keep_files()  # it reads the access list anew as well
            self.signal(signal.SIGHUP)

    def keep_files(self) -> None:
        """Write anew what is missing of its files or not as it was written; raises OSError."""
        with self._changing:
            self._keep_files()

    def look_at_revoked(self) -> None:
        """Shut out whom the authority's files name by now, and let in whom they do not; raises OSError.

        A new certificate of the broker's own is shown. What cannot be used is told, and what was before holds on.
        """
        if self.outside is None or self.outside.ca_file is None:
            return
        seen = stamp(self.outside.ca_file, self.outside.cert_file, self.outside.key_file)
        if seen == self._revoked_stamp:
            return
        with self._changing:
            brought, self._revoked_stamp = self._revoked_stamp, None
            found, is_read = self._read_revoked()
            if not is_read:
                return
            if found != self._revoked or brought is None or brought[LISTS:] != seen[LISTS:]:
                self._put_revoked(found)
                self.signal(signal.SIGHUP)
            self._take_revoked(found, seen)

    def _read_revoked(self) -> tuple[Revoked, bool]:
        """Whom the authority's files name, and True; else whom they named when they could be used last."""
        assert self.outside is not None and self.outside.ca_file is not None
        files = self.outside.ca_file, self.outside.cert_file, self.outside.key_file
        try:
            found = read_revoked(*files)
        except RevokedError as why:
            try:
                kept = self._revoked if self._revoked.crl else read_revoked(*files, self._kept_revoked)
            except RevokedError:
                raise EmbeddedBrokerError(f"[embedded] ca_file: {why}") from why
            if isinstance(why, HalfBroughtError):
                self._half_since = self._half_since or time.monotonic()
                if time.monotonic() - self._half_since < BROUGHT_S:
                    return kept, False
            said = f"[embedded] ca_file: {why}; until then who was out stays out, and nobody else"
            if said not in self.notes:  # it is looked at again at once
                self.tell(said, NOTED_S)
            return kept, False
        self._half_since = None
        return found, True

    def _put_revoked(self, found: Revoked) -> None:
        """Into its files, the names first: what is kept of both is what it starts by if the authority's are spoiled."""
        self._put(OUT, found.names, 0o600)
        self._put(CRL, found.crl, 0o644)
        self._put("accounts", self._accounts({}, found), 0o600)
        self._put("acl", self._access_list(found), 0o600)

    def _take_revoked(self, found: Revoked, seen: Stamp | None) -> None:
        """It is in the broker's files, and the broker is told."""
        was, self._revoked, self._revoked_stamp = self._revoked, found, seen
        for name in sorted(found.out - was.out):
            log.warning("%s is shut out by the area's authority: nothing is heard of it", name)
        for name in sorted(was.out - found.out):
            log.warning("%s is let in again by the area's authority", name)

    @property
    def _shows_certificates(self) -> bool:
        return self.outside is not None and self.outside.ca_file is not None

    def _access_list(self, revoked: Revoked) -> str:
        out = revoked.out | self._closed if self._shows_certificates else ()
        return access_list(self.area, self.families, out)

    def _keep_files(self) -> None:
        for name, (text, mode) in self._written.items():
            path = self.folder / name
            try:
                found = path.read_bytes()
            except OSError:
                found = b""
            # Whoever writes other passwords into their file means it; they count from the next start on.
            if found != text.encode() and not (found and name == PASSWORDS):
                self._put(name, text, mode)
                self.tell(f"{path} was missing or not as it was written: written anew")

    def _put(self, name: str, text: str, mode: int) -> None:
        """Put one of its files in place whole."""
        path = self.folder / name
        new = path.with_name(f"{name}.new")
        new.touch(mode=mode)
        new.write_text(text, encoding="utf-8")
        new.chmod(mode)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        new.replace(path)
        self._written[name] = (text, mode)

    def _accounts(self, instead: Mapping[str, str], revoked: Revoked) -> str:
        others = [password_line(user, password) for user, password in instead.items()]
        closed = self._closed | revoked.without_password
        open_lines = [line for user, line in self._account_lines.items() if user not in closed]
        return "".join(line + "\n" for line in [*open_lines, *others])

    def write_files(self) -> None:
        """Accounts, access list and configuration; a file that is larger than it could load again goes aside."""
        kept = self.folder / self.KEPT
        if kept.is_file() and kept.stat().st_size > self.limits.database_bytes:
            self.set_aside(kept)
        if self.outside is not None and self.outside.ca_file is not None:
            self._revoked_stamp, seen = None, stamp(self.outside.ca_file, self.outside.cert_file, self.outside.key_file)
            found, is_read = self._read_revoked()
            self._put_revoked(found)
            self._take_revoked(found, seen if is_read else None)
        else:
            self._put("accounts", self._accounts({}, self._revoked), 0o600)
            self._put("acl", self._access_list(self._revoked), 0o600)
        text = configuration(self.folder, self.host, self.port, self.limits, self.outside)
        self._put("mosquitto.conf", text, 0o644)
        with suppress(OSError, UnicodeDecodeError):  # where they could not be kept that is said already
            self._written[PASSWORDS] = ((self.folder / PASSWORDS).read_text(encoding="utf-8"), 0o600)


class DeskBroker(EmbeddedBroker):
    """The desk's own broker with Mosquitto's files, where there is no Mosquitto."""

    guarded = False

    def command(self) -> list[str]:
        """The desk's broker with Mosquitto's configuration."""
        return [sys.executable, "-m", "broker.mqtt.own_broker.desk_broker", str(self.folder / "mosquitto.conf")]


def choose_broker(
    folder: Path, area: str, accounts: Mapping[str, str], *, rooms: Collection[str] = (), host: str = "127.0.0.1",
    port: int = 0, limits: BrokerLimits | None = None, outside: Outside | None = None,
) -> EmbeddedBroker:  # fmt: skip
    """Mosquitto where it is installed, else the desk's broker, which notes what it cannot do; not started yet.

    Raises EmbeddedBrokerError where only Mosquitto could do what is asked.
    """
    if find_mosquitto() is not None:
        return EmbeddedBroker(folder, area, accounts, rooms=rooms, host=host, port=port, limits=limits, outside=outside)
    if outside is not None:
        raise EmbeddedBrokerError("the desk's broker has no TLS; for cert_file and key_file: apt-get install mosquitto")
    chosen = DeskBroker(folder, area, accounts, rooms=rooms, host=host, port=port, limits=limits)
    chosen.tell(DESK_ONLY)
    return chosen
