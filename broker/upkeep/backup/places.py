"""What of a configuration is copied, and where it stands: the same list for a backup and for putting it back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from broker.config import BrokerConfig
from broker.mqtt.own_broker.accounts import NAME as PASSWORDS
from broker.mqtt.own_broker.revoked import CRL, OUT
from broker.people.people import SHELL_TOKEN

RECORD = "store.url"  # the one place that is no ordinary folder
CONFIG = "broker.toml"
_SECRET = (
    "mqtt.password_file", "mqtt.key_file", "embedded.accounts", "embedded.key_file", "web.key_file",
    "city.password_file",
)  # fmt: skip
_OPEN = (
    "mqtt.ca_file", "mqtt.cert_file", "embedded.cert_file", "embedded.ca_file", "web.cert_file", "web.basemap",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a folder by the key that names it; `secret` if whoever reads it can speak as somebody else."""

    key: str
    path: Path
    secret: bool = False
    without: tuple[str, ...] = ()  # names in it that are nobody's loss

    @property
    def name(self) -> str:
        """How it is called in a backup."""
        return self.key.replace("/", "-")


def places(config: BrokerConfig) -> Iterator[Place]:
    """All but the record, whether it is there or not."""
    yield Place("people.folder", config.people.folder, without=(SHELL_TOKEN,))  # made anew at each start
    yield Place("registers.folder", config.registers.folder)
    yield Place("reports.folder", config.reports.folder)
    yield Place("playback.folder", config.playback.folder)
    yield Place("outside.folder", config.outside.folder)
    yield Place("home_assistant.file", config.home_assistant.file)
    if config.area.plan != "demo":
        yield Place("area.plan", Path(config.area.plan))
    yield Place("embedded.folder", config.embedded.folder / PASSWORDS, secret=True)
    for key in (*_OPEN, *_SECRET):
        section, field = key.split(".")
        path = getattr(getattr(config, section), field)
        if path is not None:
            yield Place(key, path, secret=key in _SECRET)
    if config.embedded.ca_file is not None:  # who is thrown out: else a stolen device were let in again
        for name in (CRL, OUT):
            yield Place(f"embedded.ca_file.{name}", config.embedded.ca_file.with_name(name))
    for receiver in config.outside.receiver:
        if receiver.secret_file is not None:
            yield Place(f"outside.receiver.{receiver.name}.secret_file", receiver.secret_file, secret=True)
