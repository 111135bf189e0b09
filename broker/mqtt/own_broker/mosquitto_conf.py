"""The text of mosquitto.conf for our own Mosquitto (2.0.11 and later), with what bounds its memory and disk.

What Mosquitto cannot limit by itself (how many topics one account leaves, how fast it speaks, how often it comes) is
the guard's (guard.py).
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from broker.config import LimitsConfig
from broker.mqtt.own_broker.revoked import CRL
from firmware import wire

# A bridge that acknowledges after each commit must be allowed more than Mosquitto's 20 messages in flight, and one that
# is away for a while more than its 1,000 queued ones (messages above are dropped silently; devices send them again).
MAX_INFLIGHT_MESSAGES = 1000
MAX_QUEUED_MESSAGES = 100_000
AUTOSAVE_S = 60
HEADER_BYTES = 16  # of a PUBLISH: its kind and length, the topic's length, its number


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """What Mosquitto may use."""

    memory_mb: int = LimitsConfig().broker_memory_mb
    connections: int = LimitsConfig().connections

    @property
    def memory_bytes(self) -> int:
        """All that it may hold in memory."""
        return self.memory_mb * 1024 * 1024

    @property
    def heap_bytes(self) -> int:
        """What it may ask the system for; the rest is its program and what lies between the pieces."""
        return self.memory_bytes * 7 // 8

    @property
    def queued_bytes(self) -> int:
        """What may wait for one subscriber: a quarter, for whoever speaks and whoever listens need some as well."""
        return self.memory_bytes // 4

    @property
    def inflight_bytes(self) -> int:
        """What is under way to one subscriber: Mosquitto holds it twice, what waits behind it once."""
        return self.memory_bytes // 32

    @property
    def database_bytes(self) -> int:
        """The largest file of retained messages and sessions that it can surely load within its memory."""
        return self.memory_bytes // 4


@dataclass(frozen=True, slots=True)
class Outside:
    """Where devices meet the broker under TLS, while the bridge meets it on this machine without.

    With `ca_file` a device shows a certificate of that authority, and its common name is its account; who has a
    password in place of one comes in at `password_port`, or nowhere where that is None.
    """

    host: str
    port: int
    cert_file: Path
    key_file: Path
    ca_file: Path | None = None
    password_port: int | None = None

    @property
    def ports(self) -> tuple[int, ...]:
        """All that are listened on."""
        return (self.port,) if self.password_port is None else (self.port, self.password_port)


def configuration(folder: Path, host: str, port: int, limits: BrokerLimits, outside: Outside | None = None) -> str:
    """The text of mosquitto.conf for its listeners, with accounts and access list in `folder`."""
    listener = [
        f"max_connections {limits.connections}",
        "max_qos 1",  # nobody here needs 2, and what is never completed would stay
        "use_username_as_clientid true",
    ]
    under_tls: list[str] = []
    if outside is not None:
        files = [f"certfile {outside.cert_file.resolve()}", f"keyfile {outside.key_file.resolve()}"]
        under_tls = [f"listener {outside.port} {outside.host}", *listener, *files]
        if outside.ca_file is not None:
            under_tls += [
                f"cafile {outside.ca_file.resolve()}",
                "require_certificate true",
                "use_identity_as_username true",
                f"crlfile {folder / CRL}",
            ]
        if outside.password_port is not None:
            under_tls += [f"listener {outside.password_port} {outside.host}", *listener, *files]
    return "\n".join(
        [
            f"listener {port} {host}",
            *listener,
            *under_tls,
            "allow_anonymous false",
            f"password_file {folder / 'accounts'}",
            f"acl_file {folder / 'acl'}",
            "set_tcp_nodelay true",  # without it an alarm or an ack may wait 40 ms for the packet before it
            "persistence true",
            f"persistence_location {folder}/",
            f"autosave_interval {AUTOSAVE_S}",
            f"max_inflight_messages {MAX_INFLIGHT_MESSAGES}",
            f"max_inflight_bytes {limits.inflight_bytes}",
            f"max_queued_messages {MAX_QUEUED_MESSAGES}",
            f"max_queued_bytes {limits.queued_bytes}",
            f"memory_limit {limits.heap_bytes}",
            "persistent_client_expiration 30d",
            f"message_size_limit {wire.MAX_PAYLOAD_BYTES}",
            # A longer packet is refused by its header, before there is memory for it.
            f"max_packet_size {wire.MAX_PAYLOAD_BYTES + wire.MAX_TOPIC_BYTES + HEADER_BYTES}",
            *([f"user {pwd.getpwuid(os.geteuid()).pw_name}"] if os.geteuid() == 0 else []),  # else it becomes another
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "log_type subscribe",
            "log_type unsubscribe",
            "",
        ]
    )
