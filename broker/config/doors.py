"""The sections of what is reached over a network: broker, screen, API."""

import os
import ssl
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from broker.config.values import (
    Address,
    ConfigError,
    File,
    Host,
    HostName,
    Port,
    Section,
    Text,
    both_or_neither,
    bytes_of,
    is_loopback,
    load_pair,
    secret,
    served_with,
)
from firmware.wire import PORT

PASSWORD_VARIABLE = "ZHANPAI_MQTT_PASSWORD"  # noqa: S105  (the name of a variable, not a password)


class MqttConfig(Section):
    """Where the broker is and as whom the bridge signs in (user name default: bridge-<area>)."""

    host: Host = "127.0.0.1"
    port: Port = PORT
    user: Text | None = None
    password_file: File | None = None
    ca_file: File | None = None
    cert_file: File | None = None
    key_file: File | None = None

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        """Half of TLS would be none at all, and the password would be sent in clear."""
        both_or_neither(self)
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("cert_file: needs ca_file, without which nothing is encrypted; set ca_file too")
        return self

    def password(self) -> str | None:
        """The password from `password_file` or the environment; None where neither is given. Raises ConfigError."""
        if self.password_file is None:
            return os.environ.get(PASSWORD_VARIABLE)
        password = secret("[mqtt] password_file", self.password_file).strip()
        if not password:
            raise ConfigError("[mqtt] password_file: is empty; write the password into it, or leave it out")
        if not password.isprintable():
            raise ConfigError("[mqtt] password_file: holds more than one line; write only the password into it")
        return password

    def tls(self) -> ssl.SSLContext | None:
        """What the connection is encrypted with; None without `ca_file`. Raises ConfigError."""
        if self.ca_file is None:
            return None
        for key in ("ca_file", "cert_file", "key_file"):
            path: Path | None = getattr(self, key)
            if path is not None:  # ssl does not say which file it could not read
                (secret if key == "key_file" else bytes_of)(f"[mqtt] {key}", path)
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file))
        except ssl.SSLError as why:
            raise ConfigError(
                f"[mqtt] ca_file: {self.ca_file} holds no certificate ({why.reason}); give it the PEM file of the "
                "authority that signed the broker's certificate"
            ) from why
        if self.cert_file is not None and self.key_file is not None:
            load_pair("[mqtt]", context, self.cert_file, self.key_file)
        return context


class EmbeddedConfig(Section):
    """A broker of our own as a child process; `accounts`: `user:password` lines (mode 600) in place of what is made.

    With `cert_file` and `key_file` devices meet it under TLS at [mqtt] host and port. A host beyond this machine
    without them is refused, unless `open_without_tls` says that whoever listens may hear passwords and positions.
    With `ca_file` as well a device shows a certificate of that authority, and who is out stands beside it (`crl.pem`,
    `out.txt`); boards that can show none come in at `password_port`.
    """

    enabled: bool = False
    open_without_tls: bool = False
    folder: File = Path("data/mosquitto")
    accounts: File | None = None
    cert_file: File | None = None
    key_file: File | None = None
    ca_file: File | None = None
    password_port: Port | None = None

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        both_or_neither(self)
        if self.ca_file is not None and self.cert_file is None:
            raise ValueError("ca_file: needs cert_file and key_file, which the broker itself shows; set them too")
        if self.password_port is not None and self.ca_file is None:
            raise ValueError("password_port: without ca_file every device has a password; leave it out, or set ca_file")
        return self

    def tls(self) -> tuple[Path, Path] | None:
        """Certificate and key, tried; None where neither is given. Raises ConfigError."""
        if self.ca_file is not None:
            bytes_of("[embedded] ca_file", self.ca_file)
        return served_with("[embedded]", self.cert_file, self.key_file)

    def passwords(self) -> dict[str, str]:
        """The password of each user in the `accounts` file; empty without one. Raises ConfigError."""
        if self.accounts is None:
            return {}
        lines = secret("[embedded] accounts", self.accounts).splitlines()
        return dict(line.strip().split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


class WebConfig(Section):
    """The screen and the API; anything but a loopback host opens it to the network.

    That without `cert_file` and `key_file` is refused, unless `open_without_tls` says that whoever listens may hear
    passwords and cookies, as between us and a proxy on another machine.
    `hosts` are the names it answers to besides `host`, localhost, and the address that was called; another name in a
    request is refused, because a strange page could have its own name point here. With `cert_file` and `key_file` it is
    HTTPS; `trusted_proxies` are the addresses of proxies that are believed when they say for whom they ask, and how.
    `basemap` is a PMTiles file of streets, drawn beneath the map with its `basemap_licence`.
    """

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080  # 0: any that is free
    hosts: Annotated[tuple[HostName, ...], Field(strict=False)] = ()  # and no tuples
    open_without_tls: bool = False
    cert_file: File | None = None
    key_file: File | None = None
    trusted_proxies: Annotated[tuple[Address, ...], Field(strict=False)] = ()
    basemap: File | None = None
    basemap_licence: Text = "© OpenStreetMap contributors"

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        both_or_neither(self)
        if self.enabled and self.is_open_without_tls and not self.open_without_tls:
            raise ValueError(
                f"{self.clear_note.removeprefix('[web] ')}; set cert_file and key_file (`python3 tools/flash.py ca` "
                "makes such), or host 127.0.0.1 with a proxy in front; open_without_tls = true has it open all the same"
            )
        return self

    @property
    def clear_note(self) -> str:
        """What is to be said of a screen that others can reach without TLS."""
        return f"[web] host: {self.host} is open to the network without TLS: passwords and cookies go in clear"

    @property
    def is_open_without_tls(self) -> bool:
        """Whether others than this machine can reach it, and read what is said."""
        return self.cert_file is None and not is_loopback(self.host)

    def tls(self) -> tuple[Path, Path] | None:
        """Certificate and key, tried; None where neither is given. Raises ConfigError."""
        return served_with("[web]", self.cert_file, self.key_file)

    def api_url(self) -> str:
        """Where a program of this machine asks the bridge that has this screen."""
        return self.page("/api/v1")

    def page(self, path: str) -> str:
        """The address of a page, as it is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  (not listened on)
        scheme = "http" if self.cert_file is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{path}"
