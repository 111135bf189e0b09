"""broker.toml as a whole, read: unknown keys refused, bounds checked, each error a sentence of its own."""

import tomllib
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError, model_validator

from broker.config.city import CityConfig, CityWayConfig, place_of
from broker.config.doors import EmbeddedConfig, MqttConfig, WebConfig
from broker.config.kept import (
    AreaConfig,
    BackupConfig,
    LimitsConfig,
    LogConfig,
    PeopleConfig,
    PlaybackConfig,
    RegistersConfig,
    ReportsConfig,
    StoreConfig,
)
from broker.config.outside import HomeAssistantConfig, OutsideConfig
from broker.config.rules import (
    AlarmsConfig,
    AnswersConfig,
    ArrivalConfig,
    BookingsConfig,
    CallsConfig,
    CasesConfig,
    DispatchConfig,
)
from broker.config.values import ConfigError, Section


class BrokerConfig(Section):
    """The whole of broker.toml; only [area] must be there."""

    area: AreaConfig
    mqtt: MqttConfig = MqttConfig()
    embedded: EmbeddedConfig = EmbeddedConfig()
    store: StoreConfig = StoreConfig()
    web: WebConfig = WebConfig()
    playback: PlaybackConfig = PlaybackConfig()
    calls: CallsConfig = CallsConfig()
    dispatch: DispatchConfig = DispatchConfig()
    alarms: AlarmsConfig = AlarmsConfig()
    bookings: BookingsConfig = BookingsConfig()
    arrival: ArrivalConfig = ArrivalConfig()
    limits: LimitsConfig = LimitsConfig()
    registers: RegistersConfig = RegistersConfig()
    people: PeopleConfig = PeopleConfig()
    outside: OutsideConfig = OutsideConfig()
    home_assistant: HomeAssistantConfig = HomeAssistantConfig()
    reports: ReportsConfig = ReportsConfig()
    cases: CasesConfig = CasesConfig()
    answers: AnswersConfig = AnswersConfig()
    city: CityWayConfig = CityWayConfig()
    backup: BackupConfig = BackupConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.embedded.enabled and self.web.enabled and self.web.port == self.mqtt.port:
            raise ValueError("port: is the embedded broker's, [mqtt] port, too; set another one")
        if self.city.url and "://" in self.store.url and place_of(self.city.url) != place_of(self.store.url):
            raise ValueError("[city] url: must be the database of [store] url, which the city reads there; else "
                             "PostgreSQL's own replication brings the records to another one")  # fmt: skip
        if self.people.one_click:  # a proxy on this machine that says nothing of itself would be this machine to us
            web, here = self.web, self.web.host in ("127.0.0.1", "::1", "localhost")
            opened = {"host": not here, "hosts": bool(web.hosts), "trusted_proxies": bool(web.trusted_proxies)}
            if key := next((key for key, is_so in opened.items() if is_so), None):
                raise ValueError(f"{key}: [people] one_click lets anybody in, for a demo on 127.0.0.1; leave it out")
        return self


Whole = TypeVar("Whole", BrokerConfig, CityConfig)


def read_config(path: Path) -> BrokerConfig:
    """The configuration in `path`; relative paths in it count from its folder. Raises ConfigError."""
    config = _read(path, BrokerConfig, "broker/broker.example.toml")
    plan, url, folder = config.area.plan, config.store.url, path.resolve().parent
    if plan != "demo":
        plan = str(folder / plan)
    if "://" not in url:
        url = str(folder / url)
    return config.model_copy(
        update={
            "area": config.area.model_copy(update={"plan": plan}),
            "store": config.store.model_copy(update={"url": url}),
        }
    )


def read_city_config(path: Path) -> CityConfig:
    """The city's own configuration in `path`, as `read_config` reads a cell's. Raises ConfigError."""
    return _read(path, CityConfig, "broker/city.example.toml")


def read_either_config(path: Path) -> BrokerConfig | CityConfig:
    """A cell's configuration or a city's, whichever it is. Raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raw = {}  # which is said by whoever reads it
    is_city = "city" in raw and not raw.keys() & {"area", "embedded", "mqtt", "store"}  # which a cell alone has
    return read_city_config(path) if is_city else read_config(path)


def _read(path: Path, whole: type[Whole], example: str) -> Whole:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read ({why.strerror}); copy {example} to begin") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise ConfigError(f"{path}: is not TOML in UTF-8: {why}") from why
    try:
        config = whole.model_validate(raw)
    except ValidationError as why:
        raise ConfigError("\n".join(_sentences(path, why, example))) from why
    return _anchored(config, path.resolve().parent)


def _sentences(path: Path, why: ValidationError, example: str) -> list[str]:
    sentences = []
    for error in why.errors():
        place = [str(part) for part in error["loc"]] or ["web"]
        section, key = place[0], ".".join(place[1:])
        if error["type"] == "extra_forbidden":
            reason = f"no such key; see {example} for all there are"
        elif error["type"] == "missing":
            reason = "is missing"
        elif error["type"] == "value_error":
            reason = str(error["ctx"]["error"])  # ours, of one section: it names its key itself
        else:
            reason = f"{error['msg']}, got {str(error.get('input'))[:60]!r}"
        about = "" if reason.startswith("[") else f"[{section}] {key + ': ' if key else ''}"
        sentences.append(f"{path}: {about}{reason}")
    return sentences


def _anchored(config: Whole, folder: Path) -> Whole:
    """Every relative path made relative to the configuration's own folder."""
    def anchored(value: Any) -> Any:
        if isinstance(value, Path):
            return folder / value
        if isinstance(value, tuple):
            return tuple(map(anchored, value))
        if isinstance(value, Section):
            return value.model_copy(update={name: anchored(getattr(value, name)) for name in type(value).model_fields})
        return value

    found: Whole = anchored(config)
    return found
