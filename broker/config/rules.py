"""The sections whose numbers the rules are given, with the rules' own defaults."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from broker.config.values import Section
from broker.rules.settings import DispatchSettings

USUAL = DispatchSettings()


class CallsConfig(Section):
    """The lamp's numbers, seconds (DESIGN section 5)."""

    call_at_s: Annotated[int, Field(ge=300, le=3600)] = USUAL.calls.call_at_s
    confirm_gap_s: Annotated[int, Field(ge=0, le=120)] = USUAL.calls.confirm_gap_s
    slip_s: Annotated[int, Field(ge=60, le=3600)] = USUAL.calls.slip_s
    recover_s: Annotated[int, Field(ge=0, le=3600)] = USUAL.calls.recover_s
    back_within_s: Annotated[int, Field(ge=0, le=7200)] = USUAL.calls.back_within_s
    unknown_within_s: Annotated[int, Field(ge=0, le=7200)] = USUAL.calls.unknown_within_s


class DispatchConfig(Section):
    """The dispatch's numbers, seconds."""

    lane_clear_s: Annotated[int, Field(ge=60, le=7200)] = USUAL.lane_clear_s
    extra_comes_s: Annotated[int, Field(ge=300, le=14400)] = USUAL.extra_comes_s
    unload_s: Annotated[int, Field(ge=0, le=14400)] = USUAL.unload_s
    open_before_s: Annotated[int, Field(ge=0, le=43200)] = USUAL.open_before_s
    forget_after_s: Annotated[int, Field(ge=0, le=86400)] = USUAL.forget_after_s


class AlarmsConfig(Section):
    """When something becomes an alarm, and when it is none any more."""

    truck_silent_s: Annotated[int, Field(ge=90, le=3600)] = USUAL.alarms.truck_silent_s
    unit_silent_s: Annotated[int, Field(ge=60, le=86400)] = USUAL.alarms.unit_silent_s
    broker_away_s: Annotated[int, Field(ge=5, le=3600)] = USUAL.alarms.broker_away_s
    together: Annotated[int, Field(ge=2, le=1000)] = USUAL.alarms.together
    heard_before_s: Annotated[int, Field(ge=0, le=7200)] = USUAL.alarms.heard_before_s
    not_begun_s: Annotated[int, Field(ge=60, le=7200)] = USUAL.alarms.not_begun_s
    standing_s: Annotated[int, Field(ge=180, le=7200)] = USUAL.alarms.standing_s
    not_out_s: Annotated[int, Field(ge=30, le=3600)] = USUAL.alarms.not_out_s
    misses_s: Annotated[int, Field(ge=300, le=14400)] = USUAL.alarms.misses_s
    gone_after_s: Annotated[int, Field(ge=0, le=3600)] = USUAL.alarms.gone_after_s


class BookingsConfig(Section):
    """Bookings for renovation waste: how long a window is held, how long it is, what a bag counts as."""

    hold_s: Annotated[int, Field(ge=30, le=3600)] = USUAL.bookings.hold_s
    days_ahead: Annotated[int, Field(ge=1, le=12)] = USUAL.bookings.days_ahead
    window_s: Annotated[int, Field(ge=900, le=43200)] = USUAL.bookings.window_s
    bag_litres: Annotated[int, Field(ge=5, le=1000)] = USUAL.bookings.bag_litres


class ArrivalConfig(Section):
    """First guesses of the prediction, until the area has been seen; check them by stopwatch on day one."""

    setup_s: Annotated[float, Field(ge=0, le=600)] = USUAL.stays.setup_s
    per_bin_s: Annotated[float, Field(ge=0, le=300)] = USUAL.stays.per_bin_s
    bins: Annotated[float, Field(ge=0, le=100)] = USUAL.stays.bins
    speed_mps: Annotated[float, Field(ge=1, le=25)] = USUAL.streets.speed_mps
    detour_factor: Annotated[float, Field(ge=1, le=4)] = USUAL.streets.detour_factor


Step = Literal[
    "dispatcher", "second", "keeper", "crew", "property", "contractor", "supervisor", "technician", "committee",
    "fire_brigade",
]


class AddresseeConfig(Section):
    """Who is told of an incident: for which `reasons`, and by which duties and roles one after the other.

    A contractor is asked by a decision, for whatever reason. Where a residents' committee or a fire brigade has no
    account, it is rung up by whoever the chain names, and answered for on the screen.
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


class AnswersConfig(Section):
    """Who is told of an incident, and after how many seconds without an answer who is told next."""

    sound_s: Annotated[int, Field(ge=1, le=600)] = USUAL.answers.sound_s
    next_person_s: Annotated[int, Field(ge=10, le=3600)] = USUAL.answers.next_person_s
    next_step_s: Annotated[int, Field(ge=60, le=7200)] = USUAL.answers.next_step_s
    addressee: Annotated[tuple[AddresseeConfig, ...], Field(strict=False)] = tuple(
        AddresseeConfig.model_validate({"name": one.name, "reasons": one.reasons, "chain": one.chain})
        for one in USUAL.answers.addressees
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


class CasesConfig(Section):
    """What happens so many times at one place within so many days is suggested as a case for enforcement."""

    times: Annotated[int, Field(ge=2, le=100)] = 3
    within_days: Annotated[int, Field(ge=1, le=60)] = 14
