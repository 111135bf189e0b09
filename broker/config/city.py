"""The sections of a city: of a cell that pushes its records there, and the whole of city.toml."""

from typing import Annotated, Self
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from broker.config.doors import WebConfig
from broker.config.kept import LogConfig, PeopleConfig
from broker.config.outside import OutsideConfig
from broker.config.values import ConfigError, File, Section, Text, WebAddress, secret

SCHEMES = ("postgresql", "postgres")


def _address(text: object) -> object:
    """An address without a password: the text is in no error, for it may hold one."""
    try:
        parts = urlsplit(str(text))
        whole = parts.scheme in SCHEMES and parts.username and parts.hostname and parts.path.strip("/")
        asked = parse_qs(parts.query)
    except ValueError:
        whole, asked = False, {}
    if not whole:
        raise ValueError("must be postgresql://USER@HOST:PORT/DATABASE")
    if parts.password is not None or {"password", "sslpassword"} & asked.keys():
        raise ValueError("holds a password, which others can read here; put it alone into a file (chmod 600) and "
                         "name that in password_file")  # fmt: skip
    return text


DatabaseAddress = Annotated[Text, BeforeValidator(_address)]


def _zone(text: object) -> object:
    try:
        ZoneInfo(str(text))
    except (LookupError, ValueError, OSError) as why:
        raise ValueError("is no time zone; write it as Asia/Shanghai") from why
    return text


def place_of(url: str) -> tuple[str, int, str]:
    """Which database an address is of, whoever asks."""
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or 5432, parts.path.strip("/")


class CityWayConfig(Section):
    """Where a cell pushes its records, each `push_s`; without `url` there is no city. `screen` is the address at which
    the city's people reach the cell's own screen, where that of [web] is not it.
    """

    url: DatabaseAddress | None = None
    password_file: File | None = None
    push_s: Annotated[int, Field(ge=1, le=30)] = 5
    screen: WebAddress | None = None

    def password(self) -> str | None:
        """The password in `password_file`; None without one, which leaves it to PGPASSFILE. Raises ConfigError."""
        return _password(self.password_file)


class CityAboutConfig(Section):
    """What the city is called, as a plan's names are, where its cells push their records, and its time zone."""

    url: DatabaseAddress
    password_file: File | None = None
    name: Text | None = None
    timezone: Annotated[Text, BeforeValidator(_zone)] = "Asia/Shanghai"

    def password(self) -> str | None:
        """The password in `password_file`; None without one, which leaves it to PGPASSFILE. Raises ConfigError."""
        return _password(self.password_file)


class CityConfig(Section):
    """The whole of city.toml; only [city] must be there."""

    city: CityAboutConfig
    web: WebConfig = WebConfig(port=8090)
    people: PeopleConfig = PeopleConfig()
    outside: OutsideConfig = OutsideConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _is_a_page(self) -> Self:
        if not self.web.enabled:
            raise ValueError("enabled: the city is its page; leave it out")
        return self


def _password(path: File | None) -> str | None:
    if path is None:
        return None
    text = secret("[city] password_file", path).strip()
    if not text or not text.isprintable():
        raise ConfigError("[city] password_file: must hold the password alone, on one line; write it anew")
    return text
