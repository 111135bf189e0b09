"""amqtt as a child process: the broker for a desk where no Mosquitto can be had (pip alone). Not for the street.

It sends no will after a silent death, forgets its queue at a restart, and needs every subscriber's list of topics
spelled out; it says so when it starts. `choose_broker` takes Mosquitto wherever there is one.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from broker.mqtt.access_list import readers, rights
from broker.mqtt.mosquitto import EmbeddedBroker, find_mosquitto
from broker.mqtt.mosquitto_conf import BrokerLimits
from firmware import wire

log = logging.getLogger("zhanpai.embedded")

WARNING = (
    "no Mosquitto here: using amqtt, which is for the desk only (no last will after a silent death, its queue is "
    "lost at a restart). For the street: apt-get install mosquitto"
)


def choose_broker(
    folder: Path, area: str, accounts: Mapping[str, str], *, rooms: Collection[str] = (), host: str = "127.0.0.1",
    port: int = 0, bridge: str = "", limits: BrokerLimits | None = None,
) -> EmbeddedBroker:  # fmt: skip
    """Mosquitto where it is installed, else amqtt with a warning; not started yet."""
    if find_mosquitto() is not None:
        return EmbeddedBroker(folder, area, accounts, rooms=rooms, host=host, port=port, bridge=bridge, limits=limits)
    log.warning(WARNING)
    return DeskBroker(folder, area, accounts, rooms=rooms, host=host, port=port, bridge=bridge, limits=limits)


class DeskBroker(EmbeddedBroker):
    """One amqtt child; the same calls as EmbeddedBroker."""

    _LOG = "amqtt.log"
    guarded = False

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "broker.mqtt.amqtt_broker", str(self.folder / "amqtt.json")]

    def _write_files(self) -> None:
        from pwdlib import PasswordHash
        from pwdlib.hashers.argon2 import Argon2Hasher

        self.folder.mkdir(parents=True, exist_ok=True)
        hasher = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1)])
        accounts = "".join(f"{user}:{hasher.hash(password)}\n" for user, password in sorted(self._accounts.items()))
        config = configuration(self.area, self.families, self._bridge, self.host, self.port, self.folder / "accounts")
        for name, text in (("accounts", accounts), ("amqtt.json", json.dumps(config, indent=2))):
            path = self.folder / name
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_text(text, encoding="utf-8")


def configuration(
    area: str, families: Mapping[str, str], bridge: str, host: str, port: int, password_file: Path
) -> dict[str, Any]:
    """amqtt's configuration: per account what it may say, ask for and be sent."""
    everything = [f"{wire.ROOT}/{area}/#"]
    own = {name: rights(family, area, name) for name, family in families.items()}
    says = {name: list(one.says) for name, one in own.items()} | {name: [] for name in readers(area)}
    hears = {name: list(one.hears) for name, one in own.items()} | {name: everything for name in readers(area)}
    for name in (f"bridge-{area}", bridge):
        says[name] = hears[name] = everything
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(password_file)},
            "broker.mqtt.amqtt_topics.OwnTopics": {"says": says, "hears": hears},
        },
    }


async def _serve(config: dict[str, Any]) -> None:
    from amqtt.broker import Broker

    broker = Broker(config)
    await broker.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await broker.shutdown()


def main() -> None:
    """Serve the configuration named on the command line until SIGTERM."""
    path = Path(sys.argv[1])
    logging.basicConfig(filename=path.with_name("amqtt.log"), level=logging.WARNING)
    asyncio.run(_serve(json.loads(path.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
