"""amqtt as a child process: the broker for a desk where no Mosquitto can be had (pip alone). Not for the street.

It sends no will after a silent death, forgets its queue at a restart, and needs every subscriber's list of topics
spelled out; it says so when it starts. `choose_broker` takes Mosquitto wherever there is one.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.mqtt.mosquitto import READERS, EmbeddedBroker, find_mosquitto
from firmware import wire

log = logging.getLogger("zhanpai.embedded")

WARNING = (
    "no Mosquitto here: using amqtt, which is for the desk only (no last will after a silent death, its queue is "
    "lost at a restart). For the street: apt-get install mosquitto"
)


def choose_broker(
    folder: Path, area: str, accounts: Mapping[str, str], *, host: str = "127.0.0.1", port: int = 0
) -> EmbeddedBroker:
    """Mosquitto where it is installed, else amqtt with a warning; not started yet."""
    if find_mosquitto() is not None:
        return EmbeddedBroker(folder, area, accounts, host=host, port=port)
    log.warning(WARNING)
    return DeskBroker(folder, area, accounts, host=host, port=port)


class DeskBroker(EmbeddedBroker):
    """One amqtt child; the same calls as EmbeddedBroker."""

    _LOG = "amqtt.log"

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "broker.mqtt.amqtt_broker", str(self.folder / "amqtt.json")]

    def _write_files(self) -> None:
        from pwdlib import PasswordHash
        from pwdlib.hashers.argon2 import Argon2Hasher

        self.folder.mkdir(parents=True, exist_ok=True)
        hasher = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=8192, parallelism=1)])
        accounts = "".join(f"{user}:{hasher.hash(password)}\n" for user, password in sorted(self._accounts.items()))
        config = configuration(self.area, self._accounts, self.host, self.port, self.folder / "accounts")
        for name, text in (("accounts", accounts), ("amqtt.json", json.dumps(config, indent=2))):
            path = self.folder / name
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_text(text, encoding="utf-8")


def configuration(area: str, accounts: Mapping[str, str], host: str, port: int, password_file: Path) -> dict[str, Any]:
    """amqtt's configuration: per account what it may say, ask for and be sent."""
    everything = [f"{wire.ROOT}/{area}/#"]
    says: dict[str, list[str]] = {}
    hears: dict[str, list[str]] = {}
    for user in accounts:
        if user in (f"bridge-{area}", *(f"{reader}-{area}" for reader in READERS)):
            says[user] = everything if user.startswith("bridge-") else []
            hears[user] = everything
            continue
        says[user] = [name.replace("/+/", f"/{user}/", 1) for name in wire.subscriptions("bridge", area)]
        hears[user] = [name for family in ("truck", "room") for name in wire.subscriptions(family, area, user)]
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
