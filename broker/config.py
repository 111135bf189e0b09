"""The bridge's configuration: broker.toml, one section per module, unknown keys refused, bounds checked here.

Secrets are never in the file itself: a `*_file` names a file that only the bridge's user can read, or the
environment variable named beside it is used.
"""

import base64
import ipaddress
import os
import ssl
import time
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from broker.plain_text import hidden_character
from broker.rules.settings import DispatchSettings
from firmware.wire import PORT

PASSWORD_VARIABLE = "ZHANPAI_MQTT_PASSWORD"  # noqa: S105  (the name of a variable, not a password)


def _address(text: Any) -> Any:
    """A proxy by its address, or by the network it is in."""
    ipaddress.ip_network(text, strict=False)
    return text


def _not_empty(path: Any) -> Any:
    """An empty text would be the folder of the configuration itself."""
    if path == "":
        raise ValueError("must not be empty")
    return path


Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]
File = Annotated[Path, Field(strict=False), BeforeValidator(_not_empty)]  # TOML has no paths, they are texts
Host = Annotated[str, Field(pattern=r"^[^\s/]+$")]
Address = Annotated[str, BeforeValidator(_address)]
HostName = Annotated[str, Field(pattern=r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$")]  # no scheme, no port
WebAddress = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9._:\[\]-]+([/?][!\"$-~]*)?$", max_length=2000)]
_USUAL = DispatchSettings()


class ConfigError(ValueError):
    """The configuration cannot be used; the text names file, section, key and what to do."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)  # true is no port, and 1 no true

    @model_validator(mode="before")
    @classmethod
    def _is_seen_whole(cls, given: Any) -> Any:
        """What is copied out of a chat often has characters that nobody sees; an address with one is nobody's."""
        for key, value in given.items() if isinstance(given, dict) else ():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and (hidden := hidden_character(text)):
                    what = f"holds {hidden}, which cannot be seen: {text[:60]!r}"
                    raise ValueError(f"{key}: {what}; write it anew by hand")
        return given


class AreaConfig(_Section):
    """Which area this bridge serves; `plan` is a GTFS folder or zip, or `demo` for the built-in demo area.

    `transfer_station` is where full trucks are emptied: latitude, longitude (WGS-84).
    """

    plan: Text
    transfer_station: Annotated[str, Field(pattern=r"^-?\d{1,2}(\.\d+)?, ?-?\d{1,3}(\.\d+)?$")] | None = None


class MqttConfig(_Section):
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
        _both_or_neither(self)
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("cert_file: needs ca_file, without which nothing is encrypted; set ca_file too")
        return self

    def password(self) -> str | None:
        """The password from `password_file` or the environment; None where neither is given. Raises ConfigError."""
        if self.password_file is None:
            return os.environ.get(PASSWORD_VARIABLE)
        password = _secret("[mqtt] password_file", self.password_file).strip()
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
                (_secret if key == "key_file" else _bytes_of)(f"[mqtt] {key}", path)
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file))
        except ssl.SSLError as why:
            raise ConfigError(
                f"[mqtt] ca_file: {self.ca_file} holds no certificate ({why.reason}); give it the PEM file of the "
                "authority that signed the broker's certificate"
            ) from why
        if self.cert_file is not None and self.key_file is not None:
            _load_pair("[mqtt]", context, self.cert_file, self.key_file)
        return context


def _both_or_neither(section: Any) -> None:
    for key, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(section, key) is not None and getattr(section, other) is None:
            raise ValueError(f"{key}: needs {other} beside it; set both or neither")


def _load_pair(section: str, context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    try:
        # Without a password of ours OpenSSL would ask for one on the terminal, and the bridge would hang.
        context.load_cert_chain(cert_file, key_file, password="")
    except ssl.SSLError as why:
        if why.reason == "KEY_VALUES_MISMATCH":
            changed = "; ".join(f"{path} is of {_written(path)}" for path in (cert_file, key_file))
            raise ConfigError(
                f"{section} cert_file and key_file: {key_file} is not the key of {cert_file} ({changed}); put the "
                "key there that this certificate was made with, or have both made anew"
            ) from why
        raise ConfigError(
            f"{section} cert_file and key_file: {cert_file} and {key_file} cannot be used "
            f"({why.reason or why}); give a PEM certificate and its own key without a passphrase"
        ) from why


def _served_with(section: str, cert_file: Path | None, key_file: Path | None) -> tuple[Path, Path] | None:
    """What a server of ours speaks TLS with, tried; None without both."""
    if cert_file is None or key_file is None:
        return None
    _bytes_of(f"{section} cert_file", cert_file)
    _secret(f"{section} key_file", key_file)
    _load_pair(section, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert_file, key_file)
    return cert_file, key_file


def _written(path: Path) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))


def _bytes_of(key: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as why:
        raise ConfigError(f"{key}: {path} cannot be read ({why.strerror}); correct its path or mode") from why


def _secret(key: str, path: Path) -> str:
    """The text of a file that only the bridge's user should be able to read."""
    try:
        text = _bytes_of(key, path).decode()
    except UnicodeDecodeError as why:
        raise ConfigError(f"{key}: {path} is not UTF-8 text (byte {why.start}); write it anew as plain text") from why
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{key}: others can read {path}; chmod 600 {path}, and if they may have read it, change it")
    return text


class EmbeddedConfig(_Section):
    """A broker of our own as a child process; `accounts`: `user:password` lines (mode 600) in place of what is made.

    With `cert_file` and `key_file` devices meet it under TLS at [mqtt] host and port. A host beyond this machine
    without them is refused, unless `open_without_tls` says that whoever listens may hear passwords and positions.
    """

    enabled: bool = False
    open_without_tls: bool = False
    folder: File = Path("data/mosquitto")
    accounts: File | None = None
    cert_file: File | None = None
    key_file: File | None = None

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        _both_or_neither(self)
        return self

    def tls(self) -> tuple[Path, Path] | None:
        """Certificate and key, tried; None where neither is given. Raises ConfigError."""
        return _served_with("[embedded]", self.cert_file, self.key_file)

    def passwords(self) -> dict[str, str]:
        """The password of each user in the `accounts` file; empty without one. Raises ConfigError."""
        if self.accounts is None:
            return {}
        lines = _secret("[embedded] accounts", self.accounts).splitlines()
        return dict(line.strip().split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


class StoreConfig(_Section):
    """Where records are kept: a folder (TinyDB over SQLite), or a postgresql:// address, its password in PGPASSFILE."""

    url: Text = "data/records"


class WebConfig(_Section):
    """The screen and the API; anything but a loopback host opens it to the network.

    `hosts` are the names it answers to besides `host`, localhost, and the address that was called; another name in a
    request is refused, because a strange page could have its own name point here. With `cert_file` and `key_file` it is
    HTTPS; `trusted_proxies` are the addresses of proxies that are believed when they say for whom they ask, and how.
    """

    enabled: bool = True
    host: Host = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080  # 0: any that is free
    hosts: Annotated[tuple[HostName, ...], Field(strict=False)] = ()  # and no tuples
    cert_file: File | None = None
    key_file: File | None = None
    trusted_proxies: Annotated[tuple[Address, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        _both_or_neither(self)
        return self

    def tls(self) -> tuple[Path, Path] | None:
        """Certificate and key, tried; None where neither is given. Raises ConfigError."""
        return _served_with("[web]", self.cert_file, self.key_file)

    def api_url(self) -> str:
        """Where a program of this machine asks the bridge that has this screen."""
        return self.page("/api/v1")

    def page(self, path: str) -> str:
        """The address of a page, as it is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104  (not listened on)
        scheme = "http" if self.cert_file is None else "https"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}{path}"


class PlaybackConfig(_Section):
    """What the screen showed, kept for so many days; 0 keeps nothing. Needs [web]."""

    folder: File = Path("data/playback")
    days: Annotated[int, Field(ge=0, le=3650)] = 30


class CallsConfig(_Section):
    """The lamp's numbers, seconds (DESIGN section 5)."""

    call_at_s: Annotated[int, Field(ge=300, le=3600)] = _USUAL.calls.call_at_s
    confirm_gap_s: Annotated[int, Field(ge=0, le=120)] = _USUAL.calls.confirm_gap_s
    slip_s: Annotated[int, Field(ge=60, le=3600)] = _USUAL.calls.slip_s
    recover_s: Annotated[int, Field(ge=0, le=3600)] = _USUAL.calls.recover_s
    back_within_s: Annotated[int, Field(ge=0, le=7200)] = _USUAL.calls.back_within_s
    unknown_within_s: Annotated[int, Field(ge=0, le=7200)] = _USUAL.calls.unknown_within_s


class DispatchConfig(_Section):
    """The dispatch's numbers, seconds."""

    lane_clear_s: Annotated[int, Field(ge=60, le=7200)] = _USUAL.lane_clear_s
    unload_s: Annotated[int, Field(ge=0, le=14400)] = _USUAL.unload_s
    open_before_s: Annotated[int, Field(ge=0, le=43200)] = _USUAL.open_before_s
    forget_after_s: Annotated[int, Field(ge=0, le=86400)] = _USUAL.forget_after_s


class BookingsConfig(_Section):
    """Bookings for renovation waste: how long a window is held, how long it is, what a bag counts as."""

    hold_s: Annotated[int, Field(ge=30, le=3600)] = _USUAL.bookings.hold_s
    days_ahead: Annotated[int, Field(ge=1, le=12)] = _USUAL.bookings.days_ahead
    window_s: Annotated[int, Field(ge=900, le=43200)] = _USUAL.bookings.window_s
    bag_litres: Annotated[int, Field(ge=5, le=1000)] = _USUAL.bookings.bag_litres


class ArrivalConfig(_Section):
    """First guesses of the prediction, until the area has been seen; check them by stopwatch on day one."""

    setup_s: Annotated[float, Field(ge=0, le=600)] = _USUAL.stays.setup_s
    per_bin_s: Annotated[float, Field(ge=0, le=300)] = _USUAL.stays.per_bin_s
    bins: Annotated[float, Field(ge=0, le=100)] = _USUAL.stays.bins
    speed_mps: Annotated[float, Field(ge=1, le=25)] = _USUAL.streets.speed_mps
    detour_factor: Annotated[float, Field(ge=1, le=4)] = _USUAL.streets.detour_factor


class LimitsConfig(_Section):
    """What one device may say, and the bridge's own broker may use; above it only that device is refused."""

    messages_per_s: Annotated[int, Field(ge=1, le=100_000)] = 200
    kilobytes_per_s: Annotated[int, Field(ge=1, le=100_000)] = 100
    messages_per_day: Annotated[int, Field(ge=100, le=1_000_000_000)] = 200_000
    presses_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 60
    open_incidents: Annotated[int, Field(ge=1, le=10_000)] = 100
    incidents_per_day: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    refused_is_flood: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    connects_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120
    closed_s: Annotated[int, Field(ge=1, le=86_400)] = 600
    connections: Annotated[int, Field(ge=10, le=100_000)] = 5000
    broker_memory_mb: Annotated[int, Field(ge=16, le=65_536)] = 256


class RegistersConfig(_Section):
    """The election and safety registers: their folder."""

    folder: File = Path("data/registers")

    @model_validator(mode="before")
    @classmethod
    def _has_no_roles(cls, given: Any) -> Any:
        if isinstance(given, dict) and "roles_file" in given:
            raise ValueError(
                "roles_file: is no more, its people are machines' tokens now; `python3 -m broker people migrate "
                "ROLES.toml` takes them over, then leave the key out"
            )
        return given


class PeopleConfig(_Section):
    """Accounts, tokens, sessions: their folder. With `one_click` whoever is at this machine is anybody by a click."""

    folder: File = Path("data/people")
    one_click: bool = False


Event = Literal["call", "late", "alarm", "answer", "totals", "report", "case"]


class ReceiverConfig(_Section):
    """Somebody outside who is told: at a `url`, signed by what is in `secret_file`, or in the files of a `folder`.

    `inside` names the addresses of this machine and its networks that may be called; all others of them are not. With
    `contractor` it is told what is asked of that firm, and nothing else.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    url: WebAddress | None = None
    secret_file: File | None = None
    folder: File | None = None
    events: Annotated[tuple[Event, ...], Field(strict=False, min_length=1)] = (
        "call", "late", "alarm", "answer", "totals", "report", "case",
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
        lines = _secret(key, self.secret_file).split()
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


class OutsideConfig(_Section):
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


class ReportsConfig(_Section):
    """Where the day, week and month reports are made after midnight, and for how many days back they are made anew."""

    folder: File = Path("data/reports")
    back_days: Annotated[int, Field(ge=1, le=62)] = 14


Step = Literal["dispatcher", "second", "keeper", "crew", "property", "contractor", "supervisor", "technician"]


class AddresseeConfig(_Section):
    """Who is told of an incident: for which `reasons`, and by which duties and roles one after the other.

    A contractor is asked by a decision, for whatever reason. Who has no account (a residents' committee, a fire
    brigade) is rung up by whoever the chain names, and answered for on the screen.
    """

    name: Literal["dispatcher", "estate", "contractor", "committee", "fire_brigade"]
    reasons: Annotated[tuple[Literal["lane_blocked", "breakdown"], ...], Field(strict=False)] = ()
    chain: Annotated[tuple[Step, ...], Field(strict=False, min_length=1, max_length=8)]

    @model_validator(mode="after")
    def _has_its_reasons(self) -> Self:
        if (self.name == "contractor") == bool(self.reasons):
            raise ValueError("reasons: a contractor has none (a decision asks for it), everybody else at least one")
        if self.name == "dispatcher" and len(set(self.reasons)) < 2:
            raise ValueError("reasons: a dispatcher is told of both, lane_blocked and breakdown")
        return self


class AnswersConfig(_Section):
    """Who is told of an incident, and after how many seconds without an answer who is told next."""

    sound_s: Annotated[int, Field(ge=1, le=600)] = _USUAL.answers.sound_s
    next_person_s: Annotated[int, Field(ge=10, le=3600)] = _USUAL.answers.next_person_s
    next_step_s: Annotated[int, Field(ge=60, le=7200)] = _USUAL.answers.next_step_s
    addressee: Annotated[tuple[AddresseeConfig, ...], Field(strict=False)] = tuple(
        AddresseeConfig.model_validate({"name": one.name, "reasons": one.reasons, "chain": one.chain})
        for one in _USUAL.answers.addressees
    )

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.next_person_s > self.next_step_s:
            raise ValueError("next_person_s: the next person is told before the next step, so not after next_step_s")
        names = [one.name for one in self.addressee]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"addressee: {twice[0]} is there twice")
        if "dispatcher" not in names:
            raise ValueError("addressee: a dispatcher must be among them, who sees to it that somebody answers")
        return self


class CasesConfig(_Section):
    """What happens so many times at one place within so many days is suggested as a case for enforcement."""

    times: Annotated[int, Field(ge=2, le=100)] = 3
    within_days: Annotated[int, Field(ge=1, le=60)] = 14


class LogConfig(_Section):
    """How much is said on standard error."""

    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"


class BrokerConfig(_Section):
    """The whole of broker.toml; only [area] must be there."""

    area: AreaConfig
    mqtt: MqttConfig = MqttConfig()
    embedded: EmbeddedConfig = EmbeddedConfig()
    store: StoreConfig = StoreConfig()
    web: WebConfig = WebConfig()
    playback: PlaybackConfig = PlaybackConfig()
    calls: CallsConfig = CallsConfig()
    dispatch: DispatchConfig = DispatchConfig()
    bookings: BookingsConfig = BookingsConfig()
    arrival: ArrivalConfig = ArrivalConfig()
    limits: LimitsConfig = LimitsConfig()
    registers: RegistersConfig = RegistersConfig()
    people: PeopleConfig = PeopleConfig()
    outside: OutsideConfig = OutsideConfig()
    reports: ReportsConfig = ReportsConfig()
    cases: CasesConfig = CasesConfig()
    answers: AnswersConfig = AnswersConfig()
    log: LogConfig = LogConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.embedded.enabled and self.web.enabled and self.web.port == self.mqtt.port:
            raise ValueError("port: is the embedded broker's, [mqtt] port, too; set another one")
        if self.people.one_click:  # a proxy on this machine that says nothing of itself would be this machine to us
            web, here = self.web, self.web.host in ("127.0.0.1", "::1", "localhost")
            opened = {"host": not here, "hosts": bool(web.hosts), "trusted_proxies": bool(web.trusted_proxies)}
            if key := next((key for key, is_so in opened.items() if is_so), None):
                raise ValueError(f"{key}: [people] one_click lets anybody in, for a demo on 127.0.0.1; leave it out")
        return self


def read_config(path: Path) -> BrokerConfig:
    """The configuration in `path`; relative paths in it count from its folder. Raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise ConfigError(f"{path}: cannot be read ({why.strerror}); copy broker.example.toml to begin") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise ConfigError(f"{path}: is not TOML in UTF-8: {why}") from why
    try:
        config = BrokerConfig.model_validate(raw)
    except ValidationError as why:
        raise ConfigError("\n".join(_sentences(path, why))) from why
    return _anchored(config, path.resolve().parent)


def _sentences(path: Path, why: ValidationError) -> list[str]:
    sentences = []
    for error in why.errors():
        place = [str(part) for part in error["loc"]] or ["web"]
        section, key = place[0], ".".join(place[1:])
        if error["type"] == "extra_forbidden":
            reason = "no such key; see broker.example.toml for all there are"
        elif error["type"] == "missing":
            reason = "is missing"
        elif error["type"] == "value_error":
            reason = str(error["ctx"]["error"])  # ours, of one section: it names its key itself
        else:
            reason = f"{error['msg']}, got {str(error.get('input'))[:60]!r}"
        sentences.append(f"{path}: [{section}] {key + ': ' if key else ''}{reason}")
    return sentences


def _anchored(config: BrokerConfig, folder: Path) -> BrokerConfig:
    """Every relative path made relative to the configuration's own folder."""
    def anchored(value: Any) -> Any:
        if isinstance(value, Path):
            return folder / value
        if isinstance(value, tuple):
            return tuple(map(anchored, value))
        if isinstance(value, _Section):
            return value.model_copy(update={name: anchored(getattr(value, name)) for name in type(value).model_fields})
        return value

    found: BrokerConfig = anchored(config)
    plan, url = found.area.plan, found.store.url
    if plan != "demo":
        plan = str(folder / plan)
    if "://" not in url:
        url = str(folder / url)
    return found.model_copy(
        update={
            "area": found.area.model_copy(update={"plan": plan}),
            "store": found.store.model_copy(update={"url": url}),
        }
    )
