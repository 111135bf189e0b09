"""The guard of our own Mosquitto: who floods is thrown out, and comes in again after a while.

Mosquitto cannot limit how often an account connects or asks for topics, nor how much it says. The first two stand in
its log, the third the bridge tells. Throwing out is: another password in the account file and SIGHUP, which ends the
connection; coming in once by that password with a clean session, which ends whatever was kept of it; and no account.
"""

import logging
import re
import secrets
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from broker.config import LimitsConfig
from broker.mqtt import packets
from broker.mqtt.allowance import Bucket
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from firmware import wire

log = logging.getLogger("zhanpai.guard")

LOOK_S = 0.2
READ_BYTES = 1_000_000  # of the log in one look; what is beyond is skipped, its length counts
LOG_LINE_BYTES = 100  # about
ASKING = 1 / 8  # what asking for a topic counts, where connecting counts 1
# What connecting counts where it ends an older connection of the same id: two units of one id do it 80 times a minute,
# which is for a person to end. Their buttons must be heard meanwhile.
TAKING_OVER = 1 / 8
TAKEOVER_S = 2.0
TAKES_OVER = re.compile(r"^\d+: Client (\S+) already connected, closing old connection")
CAME = re.compile(r"^(\d+): New client connected from \S+ as (\S+) \(")
ASKED = re.compile(r"^(\d+): (\S+) (?:[0-2] )?\S")


LOSES = r"^\d+: (Outgoing messages are being dropped for client|Client) {}( disconnected due to out of memory)?\.$"


@dataclass(frozen=True, slots=True)
class Closed:
    """An account that is closed: over which limit it went, since when, until when (monotonic)."""

    why: str
    since: float
    until: float


class Guard:
    """Watches one broker's log from `start` to `stop`; `close` may be called from any thread."""

    def __init__(self, broker: EmbeddedBroker, limits: LimitsConfig) -> None:
        self._broker = broker
        self._limits = limits
        self._closed: dict[str, Closed] = {}
        self._to_close: dict[str, str] = {}
        self._comings: dict[str, Bucket] = {}
        self.losses = 0  # how often the broker may have lost messages for the bridge
        self._loses = re.compile(LOSES.format(re.escape(f"bridge-{broker.area}")))
        self._read_to = broker.said_from  # what was said before this child is over and judged
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping.set()
        self._thread.join(TAKEOVER_S * 2)

    def close(self, name: str, why: str) -> None:
        """Throw this account out within a moment."""
        with self._changing:
            self._to_close.setdefault(name, why)

    def closed(self) -> dict[tuple[str, str], str]:
        """(family, name) of the accounts that are closed, and over which limit each went."""
        return {(self._broker.families[name], name): one.why for name, one in list(self._closed.items())}

    def open(self, name: str) -> bool:
        """Let this account in again with the next look, from any thread; False where it is not closed."""
        found = self._closed.get(name)
        if found is not None:
            self._closed[name] = replace(found, until=0.0)
        return found is not None

    def closed_since_s(self, name: str) -> int:
        """For how many seconds an account has been closed; 0 when it is not."""
        found = self._closed.get(name)
        return int(time.monotonic() - found.since) if found is not None else 0

    def closed_for_s(self, name: str) -> int:
        """For how many seconds more an account is closed; 0 when it is not."""
        found = self._closed.get(name)
        return max(1, int(found.until - time.monotonic())) if found is not None else 0

    def look(self) -> None:
        """Look once, and do what there is to do; raises what kept it from that, and does it the next time."""
        self._read_log()
        self._let_in_again()
        with self._changing:
            to_close = dict(self._to_close)
        for name, why in to_close.items():
            if name in self._broker.families and name not in self._closed:
                self._throw_out(name, why)
            with self._changing:
                del self._to_close[name]

    # --- the thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        trouble = ""
        while not self._stopping.wait(LOOK_S):
            try:
                self.look()
                trouble = ""
            except Exception as why:  # noqa: BLE001  (its disk is full, its broker being started again, anything: later)
                if repr(why) != trouble:
                    trouble = repr(why)
                    log.warning("the guard of the broker could not do its work and tries again: %s", trouble)

    def _throw_out(self, name: str, why: str) -> None:
        password = secrets.token_urlsafe(18)
        closed = {*self._closed, name}
        self._broker.admit(closed=closed, instead={name: password})
        self._come_in_once(name, password)
        self._broker.admit(closed=closed)
        self.losses += 1  # whoever is thrown out may have filled it
        now = time.monotonic()
        self._closed[name] = Closed(why, now, now + self._limits.closed_s)
        log.warning("%s floods the broker (%s): its account is closed for %d s", name, why, self._limits.closed_s)

    def _come_in_once(self, name: str, password: str) -> None:
        """Take the id over with a clean session: its subscriptions and what waits for it are gone."""
        topic = wire.topic("life", self._broker.area, name, family=self._broker.families[name])
        hello = packets.connect(name, name, password, 10, True, (topic, b""))
        deadline = time.monotonic() + TAKEOVER_S
        while time.monotonic() < deadline:
            try:
                with socket.create_connection((self._broker.host, self._broker.port), TAKEOVER_S) as connection:
                    connection.settimeout(TAKEOVER_S)
                    connection.sendall(hello)
                    if connection.recv(4)[3:] == b"\0":
                        connection.sendall(packets.DISCONNECT)
                        return
            except OSError:
                pass
            time.sleep(0.05)  # it has not read the account file yet
        log.warning("%s: its session could not be ended", name)

    def _let_in_again(self) -> None:
        over = [name for name, one in self._closed.items() if one.until <= time.monotonic()]
        if over:
            self._broker.admit(closed=self._closed.keys() - over)
        for name in over:
            del self._closed[name]
            self._comings.pop(name, None)
            log.warning("%s: its account is open again", name)

    def _read_log(self) -> None:
        path: Path = self._broker.log_path
        try:
            with path.open("rb") as lines:
                size = lines.seek(0, 2)
                if size < self._read_to:
                    self._read_to = 0  # it was cut
                lines.seek(self._read_to)
                data = lines.read(READ_BYTES)
        except FileNotFoundError:
            return
        of_this_child = self._read_to >= self._broker.said_from  # what one before it said is over
        end = data.rfind(b"\n") + 1
        skipped = max(0, size - self._read_to - len(data))
        self._read_to = size if skipped else self._read_to + end
        self._count(data[:end].decode(errors="replace").splitlines(), skipped, of_this_child=of_this_child)

    def _count(self, lines: list[str], skipped: int, *, of_this_child: bool) -> None:
        """Who came, who asked, by the seconds of the log; what was skipped is put down to whoever filled the rest."""
        counted: Counter[str] = Counter()
        skipped_cost = skipped / LOG_LINE_BYTES * ASKING
        at, taken_over = 0.0, ""
        for line in lines:
            if takes_over := TAKES_OVER.match(line):
                taken_over = takes_over[1]
                continue
            if loses := self._loses.match(line):
                self.losses += 1
                if loses[2] and of_this_child:  # nobody could clear what fills it
                    self._broker.choked = "has no memory left for the bridge"
                continue
            found = CAME.match(line)
            cost = ASKING if found is None else TAKING_OVER if found[2] == taken_over else 1.0
            taken_over = ""
            found = found or ASKED.match(line)
            if found and found[2] in self._broker.families:
                at = float(found[1])
                counted[found[2]] += 1
                self._charge(found[2], cost, at)
        for name, filled in counted.items():
            self._charge(name, skipped_cost * filled / len(lines), at)

    def _charge(self, name: str, cost: float, at: float) -> None:
        most = self._limits.connects_per_minute
        if not self._comings.setdefault(name, Bucket(most / 60, most)).take(cost, at):
            self.close(name, "connects_per_minute")
