"""`python3 -m broker broker-files`: Mosquitto's files for a broker that runs apart from the bridge."""

import argparse
import sys
from typing import Any

from broker.config import ConfigError, read_config
from broker.durable_file import Disk, write_durably
from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.mqtt.own_broker.mosquitto import find_mosquitto
from broker.process import embedded_broker
from broker.settings import configured_plan
from firmware.wire import PORT

PASSWORD = "bridge.password"  # noqa: S105  (the name of a file)


def add_commands(subparsers: Any) -> None:
    """Register `broker-files` with the server's command line."""
    command = subparsers.add_parser(
        "broker-files", help="write Mosquitto's configuration, accounts and access list into [embedded] folder",
        description="For a broker that runs apart: `mosquitto -c FOLDER/mosquitto.conf`. Passwords that are there "
        "stay. The bridge then has [embedded] enabled = false and [mqtt] password_file = FOLDER/bridge.password.",
    )  # fmt: skip
    command.set_defaults(run=run_broker_files)


def run_broker_files(arguments: argparse.Namespace) -> int:
    """Write them; 0, 1 where they cannot be written, 2 wrongly configured."""
    try:
        config = read_config(arguments.config)
        if config.embedded.enabled:
            raise ConfigError("[embedded] enabled: the bridge writes these files itself; set it to false first")
        if find_mosquitto() is None:
            raise ConfigError("Mosquitto is not installed; run: apt-get install mosquitto")
        # The bridge's own password is among those that are made: the file that the bridge reads is written from it.
        apart = config.mqtt.model_copy(update={"password_file": None, "ca_file": None})
        broker, password = embedded_broker(config.model_copy(update={"mqtt": apart}), configured_plan(config))
        if broker.outside is not None:  # devices and bridge meet it under TLS; this one is for whoever sits here
            broker.port = PORT
        broker.folder.mkdir(parents=True, exist_ok=True)
        broker.write_files()
        write_durably(Disk(), broker.folder / PASSWORD, f"{password}\n".encode())
    except (ConfigError, EmbeddedBrokerError) as why:
        print(f"broker-files: {why}", file=sys.stderr)
        return 2
    except OSError as why:
        print(f"broker-files: {why.filename or ''}: {why.strerror or why}; run it as the bridge's user",
              file=sys.stderr)  # fmt: skip
        return 1
    print(f"{broker.folder}: mosquitto.conf, accounts, acl, passwords, {PASSWORD}")
    return 0
