"""Asking a broker, before the bridge relies on it, whether it would let the bridge in; for `--check-config`."""

import ssl
import time

from broker.config import ConfigError, MqttConfig
from broker.mqtt import packets
from broker.mqtt.certificates import why_refused
from broker.mqtt.connection import TLS_PORT, Connection
from firmware import wire

ECHO_S = 3.0


def ask(config: MqttConfig, area: str, password: str | None, *, echo: bool = False) -> None:
    """Sign in as the bridge would, and leave; raises ConfigError with what to do.

    With `echo` it says one heartbeat, as the bridge will, and hears whether it comes back. A bridge that is at work
    there may be thrown off for a second; its session stays.
    """
    name = f"bridge-{area}"
    where = f"the broker at {config.host}:{config.port}"
    tls = config.tls()
    if tls is None and config.port == TLS_PORT:
        raise ConfigError(f"[mqtt] port: {TLS_PORT} is for TLS, and there is no ca_file; set ca_file, or another port")
    will = (wire.topic("life", area, family="bridge"), b"")  # it leaves in order: nobody hears that
    hello = packets.connect(f"check-{area}", config.user or name, password, wire.KEEPALIVE_S, clean=False, will=will)
    connection: Connection | None = None
    try:
        connection = Connection(config.host, config.port, lambda: False)
        if tls is not None:
            connection.secure(tls)
        try:
            packets.must_be_in(connection.ask(hello, packets.CONNACK)[0])
        except packets.PacketError as why:
            given = "" if password else "; there is no password: give it a file, [mqtt] password_file"
            raise packets.PacketError(f"{why}{given}") from why
        if echo:
            _must_come_back(connection, area, config.user or name)
        connection.write(packets.DISCONNECT)
    except ssl.SSLCertVerificationError as why:
        raise ConfigError(why_refused(config, why)) from why
    except ssl.SSLError as why:
        raise ConfigError(
            f"[mqtt] ca_file: {where} and we do not agree on TLS ({why.reason or why}); is that its TLS port, and "
            "does it let somebody with our certificate in?"
        ) from why
    except packets.PacketError as why:
        raise ConfigError(f"[mqtt] {where}: {why}") from why
    except ConnectionError as why:
        if not isinstance(why, ConnectionRefusedError):
            hint = "set ca_file if it speaks TLS" if tls is None else "leave ca_file out if it speaks no TLS"
            raise ConfigError(f"[mqtt] {where} ended the connection at the first word; {hint}") from why
        raise ConfigError(f"[mqtt] {where} cannot be reached ({why.strerror}); start it, or correct its place") from why
    except OSError as why:
        raise ConfigError(
            f"[mqtt] {where} cannot be reached ({why.strerror or why}); start it, or correct host and port"
        ) from why
    finally:
        if connection is not None:
            connection.close()


def _must_come_back(connection: Connection, area: str, user: str) -> None:
    """A broker may let somebody in and pass on nothing of what is said; raises PacketError."""
    topic = wire.topic("clock", area, family="bridge")
    _, heard = connection.ask(packets.subscribe(1, [(topic, 1)]), packets.SUBACK)
    heartbeat = packets.publish(topic, wire.pack(topic, {"at": int(time.time())}), 2, retained=False)
    _, more = connection.ask(heartbeat, packets.PUBACK)
    heard += more
    deadline = time.monotonic() + ECHO_S
    while not any(name == topic for name, _, _ in heard):
        data = connection.received()
        if data == b"" or time.monotonic() > deadline:
            raise packets.PacketError(
                f"it lets us in, and what we say does not come back: let {user} read and write {wire.ROOT}/{area}/# in "
                "the broker's access list"
            )
        heard += connection.reader.feed(data or b"")[0]
