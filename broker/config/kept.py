"""The sections of the area itself and of what is kept of it, each in its folder."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from broker.config.values import File, Section, Text


class AreaConfig(Section):
    """Which area this bridge serves; `plan` is a GTFS folder or zip, or `demo` for the built-in demo area.

    `transfer_station` is where full trucks are emptied: latitude, longitude (WGS-84).
    """

    plan: Text
    transfer_station: Annotated[str, Field(pattern=r"^-?\d{1,2}(\.\d+)?, ?-?\d{1,3}(\.\d+)?$")] | None = None


class StoreConfig(Section):
    """Where records are kept: a folder (TinyDB over SQLite), or a postgresql:// address, its password in PGPASSFILE."""

    url: Text = "data/records"


class PlaybackConfig(Section):
    """What the screen showed, kept for so many days; 0 keeps nothing. Needs [web]."""

    folder: File = Path("data/playback")
    days: Annotated[int, Field(ge=0, le=3650)] = 30


class LimitsConfig(Section):
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


class RegistersConfig(Section):
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


class PeopleConfig(Section):
    """Accounts, tokens, sessions: their folder. With `one_click` whoever is at this machine is anybody by a click."""

    folder: File = Path("data/people")
    one_click: bool = False


class ReportsConfig(Section):
    """Where the day, week and month reports are made after midnight, and for how many days back they are made anew."""

    folder: File = Path("data/reports")
    back_days: Annotated[int, Field(ge=1, le=62)] = 14


class BackupConfig(Section):
    """Where `python3 -m broker backup` puts its copies when nothing else is said, and how many stay; 0: all."""

    folder: File = Path("backups")
    keep: Annotated[int, Field(ge=0, le=10_000)] = 14


class LogConfig(Section):
    """How much is said on standard error."""

    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
