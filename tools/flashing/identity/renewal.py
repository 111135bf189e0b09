"""Certificates made anew before they end and brought to the devices over the wire, fit for a daily timer.

A device is told the command `certificate` and answers in its life whether it shows the new one from now on. One that
is away is told again the next day; the one that it has holds until then.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from broker.mqtt import packets
from broker.mqtt.connection import Connection
from broker.mqtt.own_broker.access_list import AUTHORITY
from firmware import wire
from tools.flashing.errors import FlashError
from tools.flashing.identity.account import known_as
from tools.flashing.identity.identities import DUE_DAYS, Certificate, Identities
from tools.flashing.settings import FlashSettings

LONGEST_SAID = 400
LATE_DAYS = 14  # who has not taken its new one by then must be visited


@dataclass
class RenewalOutcome:
    """What became of each device that was due: its certificate's last day, or what it said."""

    taken: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    dry_run: bool = False

    def summary(self) -> list[str]:
        """A line for each device."""
        waits = "would be made anew" if self.dry_run else "no answer, told again the next time"
        lines = [f"{device}: taken, ends {ends}" for device, ends in self.taken.items()]
        lines += [f"{device}: refused: {said}" for device, said in self.refused.items()]
        lines += [f"{device}: {waits}; ends {ends}" for device, ends in self.silent.items()]
        return lines or ["no certificate is due"]


def renew(
    settings: FlashSettings, *, days: int = DUE_DAYS, wait_s: float = 20.0, dry_run: bool = False,
    now: Callable[[], float] = time.time,
) -> RenewalOutcome:  # fmt: skip
    """Make anew what ends within so many days, tell each device, and wait so long for their answers."""
    access = settings.broker
    if access is None or not access.certificates:
        raise FlashError("usage", what="[broker] certificates is not true: there is nothing to make anew")
    identities = Identities(access.authority, settings.area, now)
    due = identities.due(days)
    if dry_run or not due:
        ends = {one.device: identities.held_by(one.device).ends for one in due}
        return RenewalOutcome(silent=ends, dry_run=dry_run)
    fresh = [one if one.until_at >= now() + days * 86_400 else identities.renew(one.device) for one in due]
    answers = _told(settings, fresh, wait_s, now())
    outcome = RenewalOutcome()
    for one in fresh:
        done, said = answers.get(one.device, (False, ""))
        held = identities.held_by(one.device)
        if done:
            identities.took(one)
            outcome.taken[one.device] = one.ends
            continue
        if said:
            outcome.refused[one.device] = said
        else:
            outcome.silent[one.device] = held.ends
        if held.until_at < now() + LATE_DAYS * 86_400:
            outcome.late.append(one.device)
    return outcome


def _told(
    settings: FlashSettings, fresh: list[Certificate], wait_s: float, at_s: float
) -> dict[str, tuple[bool, str]]:
    """What the devices answered, each told once, by a command of a new id: a device obeys one only once."""
    access, area = settings.broker, settings.area
    assert access is not None
    name = f"{AUTHORITY}-{area}"
    answers: dict[str, tuple[bool, str]] = {}
    orders = {one.device: f"certificate-{one.serial[:16]}-{int(at_s)}" for one in fresh}
    by_topic = {wire.topic("life", area, one.device, family=one.family): one for one in fresh}
    # A will must be said to connect; this account may not write there, and it leaves in order.
    hello = packets.connect(name, name, None, int(wait_s) + wire.KEEPALIVE_S, True, (f"{wire.ROOT}/{area}/{name}", b""))
    connection: Connection | None = None
    try:
        connection = Connection(access.host, access.port, lambda: False)
        connection.secure(known_as(access.authority, name))
        packets.must_be_in(connection.ask(hello, packets.CONNACK)[0])
        connection.ask(packets.subscribe(1, [(topic, 1) for topic in by_topic]), packets.SUBACK)
        for number, one in enumerate(fresh, 2):
            topic = wire.topic("command", area, one.device, family=one.family)
            text = base64.b64encode(one.der).decode()
            order = wire.pack(topic, {"command": "certificate", "id": orders[one.device], "certificate": text})
            connection.write(packets.publish(topic, order, number, retained=False))
        until = time.monotonic() + wait_s
        while len(answers) < len(fresh) and time.monotonic() < until:
            data = connection.received()
            if data == b"":
                raise OSError("it ended the connection")
            for topic, payload, number in connection.reader.feed(data or b"")[0]:
                if number:
                    connection.write(packets.pubacks([number]))
                with suppress(wire.WireError):
                    body, told = wire.unpack(topic, payload).body or {}, by_topic[topic]
                    if body.get("answers") == orders[told.device]:
                        answers[told.device] = (bool(body.get("done")), _shown(body.get("said", "")))
        connection.write(packets.DISCONNECT)
    except (OSError, packets.PacketError) as error:
        raise FlashError("desk_broker", host=access.host, port=access.port, what=str(error)) from error
    finally:
        if connection is not None:
            connection.close()
    return answers


def _shown(said: object) -> str:
    """What a device said, as a terminal may have it: nothing in it moves the cursor or turns the letters round."""
    return "".join(letter for letter in str(said)[:LONGEST_SAID] if letter.isprintable())
