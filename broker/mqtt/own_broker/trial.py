"""Asking a broker, before the bridge relies on it, whether it would let the bridge in; for `--check-config`."""

import ssl

from broker.config import ConfigError, MqttConfig
from broker.mqtt import packets
from broker.mqtt.connection import TLS_PORT, Connection
from firmware import wire


def ask(config: MqttConfig, area: str, password: str | None) -> None:
    """Sign in as the bridge would, subscribe to what it hears, and leave; raises ConfigError with what to do.

    A bridge that is at work there may be thrown off for a second; its session stays.
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
        packets.must_be_in(connection.ask(hello, packets.CONNACK)[0])
        connection.write(packets.DISCONNECT)
    except ssl.SSLError as why:
        raise ConfigError(
            f"[mqtt] ca_file: {where} and we do not agree on TLS ({why.reason or why}); is that its TLS port, and "
            "is its certificate for this name and signed by this authority?"
        ) from why
    except packets.PacketError as why:
        raise ConfigError(f"[mqtt] {where}: {why}") from why
    except OSError as why:
        raise ConfigError(
            f"[mqtt] {where} cannot be reached ({why.strerror or why}); start it, or correct host and port"
        ) from why
    finally:
        if connection is not None:
            connection.close()
