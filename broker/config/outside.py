"""The sections of those who are told outside."""

import base64
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from broker.config.values import Address, ConfigError, File, Section, Text, WebAddress, secret

Level = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]  # of a topic
Event = Literal["call", "late", "alarm", "finding", "answer", "totals", "report", "case"]


class ReceiverConfig(Section):
    """Somebody outside who is told: at a `url`, signed by what is in `secret_file`, or in the files of a `folder`.

    `inside` names the addresses of this machine and its networks that may be called; all others of them are not. With
    `contractor` it is told what is asked of that firm, and nothing else.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    url: WebAddress | None = None
    secret_file: File | None = None
    folder: File | None = None
    events: Annotated[tuple[Event, ...], Field(strict=False, min_length=1)] = (
        "call", "late", "alarm", "finding", "answer", "totals", "report", "case",
    )  # fmt: skip
    contractor: Text | None = None
    inside: Annotated[tuple[Address, ...], Field(strict=False)] = ()
    keep_days: Annotated[int, Field(ge=1, le=30)] = 3

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if (self.url is None) == (self.folder is None):
            raise ValueError("url: set either url or folder")
        if (self.url is None) != (self.secret_file is None):
            raise ValueError("secret_file: goes with url: both or neither")
        if self.url is not None:
            try:
                parts = urlsplit(self.url)
                whole = parts.hostname and parts.port != 0  # reading the port is what tells a wrong one
            except ValueError as why:
                raise ValueError(f"url: {why}") from why
            if not whole:
                raise ValueError("url: names no host, or port 0")
            if self.url.startswith("http:") and not self.inside:
                raise ValueError("url: http is only for addresses named in inside; give it https")
        return self

    @property
    def place(self) -> str:
        """Where its messages go."""
        return self.url if self.url is not None else str(self.folder)

    def secrets(self) -> list[str]:
        """What signs, the newest first: each line of `secret_file`. Raises ConfigError."""
        if self.secret_file is None:
            return []
        key = f"[outside] receiver {self.name} secret_file"
        lines = secret(key, self.secret_file).split()
        made = "make one by: (umask 077; echo whsec_$(openssl rand -base64 32) > FILE)"
        if not lines:
            raise ConfigError(f"{key}: is empty; {made}")
        for line in lines:
            try:
                size = len(base64.b64decode(line.removeprefix("whsec_"), validate=True))
            except ValueError:
                size = 0
            if not 24 <= size <= 64:
                raise ConfigError(f"{key}: {self.secret_file} has a line that is no secret of 24 to 64 bytes; {made}")
        return lines


class OutsideConfig(Section):
    """Messages to people outside: who gets them, and the folder in which they wait until they are delivered."""

    folder: File = Path("data/outside")
    receiver: Annotated[tuple[ReceiverConfig, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.receiver]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"receiver: {twice[0]} is the name of two; what waits for one would go to the other")
        return self


class HomeAssistantConfig(Section):
    """Rooms as devices of Home Assistant, by MQTT discovery below `prefix`, named in one `language`.

    What was announced stands in `file`, so that it is taken back when this is switched off.
    """

    enabled: bool = False
    prefix: Level = "homeassistant"
    language: Literal["zh", "en"] = "zh"
    file: File = Path("data/home-assistant.json")
