"""`python3 -m broker mosquitto`: the configuration of a Mosquitto of one's own, as the bridge would run one itself.

Its folder gets mosquitto.conf, acl, accounts and crl.pem; written again, it has the plan's new devices and lets in
nobody whom the area's authority has shut out. Then Mosquitto reads it anew: `systemctl reload`, or SIGHUP.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from broker.config import BrokerConfig, ConfigError, read_config
from broker.config.values import is_loopback
from broker.mqtt.own_broker.child import EmbeddedBrokerError


def add_commands(subparsers: Any) -> None:
    """Register `mosquitto` with the server's command line."""
    parser = subparsers.add_parser(
        "mosquitto",
        help="write the configuration of a Mosquitto of your own, with who may come in and say what",
        description="Write the configuration of a Mosquitto that you run yourself: the bridge meets it at [mqtt] host "
        "and port on this machine, devices under TLS at --devices. Certificates are asked for with --ca.",
    )
    parser.add_argument("--folder", type=Path, required=True, help="of its files; Mosquitto's user must read them")
    parser.add_argument("--devices", required=True, metavar="HOST:PORT", help="where devices come in, as 0.0.0.0:8883")
    parser.add_argument("--cert", type=Path, required=True, help="what it shows: broker.pem")
    parser.add_argument("--key", type=Path, required=True, help="its key: broker.key")
    parser.add_argument("--ca", type=Path, help="devices show certificates of it; beside it crl.pem and out.txt")
    parser.add_argument("--password-port", type=int, help="with --ca: where boards come in that can show none")
    parser.set_defaults(run=run_mosquitto)


def run_mosquitto(arguments: argparse.Namespace) -> int:
    """Write the files and print mosquitto.conf; 0, or 2 with what is wrong."""
    from broker.process import embedded_broker
    from broker.settings import configured_plan

    try:
        config = read_config(arguments.config)
        broker, _ = embedded_broker(_as_if_ours(config, arguments), configured_plan(config))
        broker.host, broker.port = config.mqtt.host, config.mqtt.port
        broker.folder.mkdir(parents=True, exist_ok=True)
        broker.write_files()
        print((broker.folder / "mosquitto.conf").read_text(encoding="utf-8"), end="")
    except (ConfigError, EmbeddedBrokerError, OSError) as why:
        print(f"mosquitto: {why}", file=sys.stderr)
        return 2
    where = broker.folder
    said = f"written to {where}; run `mosquitto -c {where}/mosquitto.conf`, or have the one that runs read it anew"
    print(f"{said}. Passwords of the bridge and of devices without certificate: {where}/passwords", file=sys.stderr)
    return 0


def _as_if_ours(config: BrokerConfig, arguments: argparse.Namespace) -> BrokerConfig:
    """The same configuration with a broker of the bridge's own where the devices shall come in."""
    if not is_loopback(config.mqtt.host):
        raise ConfigError(f"[mqtt] host: {config.mqtt.host} is another machine: run this there, with host 127.0.0.1")
    host, _, port = arguments.devices.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"--devices: {arguments.devices} is no HOST:PORT")
    embedded: dict[str, Any] = {"enabled": True, "folder": arguments.folder, "accounts": config.embedded.accounts}
    embedded |= {"cert_file": arguments.cert, "key_file": arguments.key, "ca_file": arguments.ca}
    given = {"host": host.strip("[]"), "port": int(port), "password_file": config.mqtt.password_file}
    try:
        own = type(config.embedded).model_validate({**embedded, "password_port": arguments.password_port})
        mqtt = type(config.mqtt).model_validate(given)
    except ValueError as why:
        raise ConfigError(str(why)) from why
    return config.model_copy(update={"embedded": own, "mqtt": mqtt})
