"""From the configuration to what the parts are given: the plan, and the numbers of the rules."""

from dataclasses import replace
from pathlib import Path

from broker.config import BrokerConfig, CityConfig, ConfigError
from broker.ingest.delivery.press_limits import PressLimits
from broker.plan.model import Plan
from broker.rules.settings import (
    Addressee,
    AlarmSettings,
    AnswerSettings,
    BookingSettings,
    CallSettings,
    DispatchSettings,
    FirstStay,
    Streets,
)


def configured_plan(config: BrokerConfig | CityConfig) -> Plan:
    """The plan a configuration names: `demo`, or a GTFS folder or zip. Raises ConfigError with every finding."""
    if isinstance(config, CityConfig):
        raise ConfigError("[area] is missing: rooms, trucks and shifts are a cell's; ask with the cell's own --config")
    plan, station = _named_plan(config.area.plan), config.area.transfer_station
    if station is None:
        return plan
    lat, _, lon = station.partition(",")
    return replace(plan, transfer_station=(float(lat), float(lon)))


def _named_plan(name: str) -> Plan:
    if name == "demo":
        from broker.plan.demo_area import demo_plan

        return demo_plan()
    from broker.plan.gtfs.feed import GtfsError, read_gtfs

    try:
        return read_gtfs(Path(name))
    except GtfsError as why:
        raise ConfigError(f"[area] plan: {why}") from why


def press_limits(config: BrokerConfig) -> PressLimits:
    """How many presses a truck may have, as configured."""
    return PressLimits(config.limits.open_incidents, config.limits.incidents_per_day)


def dispatch_settings(config: BrokerConfig) -> DispatchSettings:
    """The dispatch's numbers as configured."""
    guess = config.arrival
    return DispatchSettings(
        calls=CallSettings(**config.calls.model_dump()),
        stays=FirstStay(guess.setup_s, guess.per_bin_s, guess.bins),
        bookings=BookingSettings(**config.bookings.model_dump()),
        streets=Streets(guess.speed_mps, guess.detour_factor),
        alarms=AlarmSettings(**config.alarms.model_dump()),
        answers=AnswerSettings(
            config.answers.sound_s, config.answers.next_person_s, config.answers.next_step_s,
            tuple(Addressee(one.name, one.reasons, one.chain) for one in config.answers.addressee),
        ),
        **config.dispatch.model_dump(),
    )
