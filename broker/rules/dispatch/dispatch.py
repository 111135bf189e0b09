"""The dispatch: everything a device says or a person does comes in here, and what must be stored, published and
told goes out. `(event, now) -> effects`; no clock, no socket, no file.

    on_message(message, now)   a device spoke (already unpacked and checked by firmware.wire): device_messages.py
    on_tick(now)               time passed (once a second): one decision after the other, see time_passing.py
    next_step(now)             there is time for a step of what takes long
    act(action, now)           a person decided: action_handling.py

The order of work for a truck's position: match it to the run (tracking), then runs/run_progress.py:
settle arrivals and departures, predict (arrival), call lamps (lamp_call), tell rooms and truck (messages).

Each decision is whole by itself: its effects are kept and told all, or, when it raises, none. State that it changed
by then is not what the record says any more; the shell rebuilds the day from its records (`begin_again`).
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from broker.plan.calendar import local_date
from broker.rules.day.day import Day
from broker.rules.dispatch import time_passing
from broker.rules.dispatch.action_handling import carry_out
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.alarms import alarm_states, drifting, silences, watching
from broker.rules.dispatch.bookings import booking_handling, on_call_runs
from broker.rules.dispatch.bookings.following import follow_visits
from broker.rules.dispatch.device_messages import set_aside, take_message
from broker.rules.dispatch.incidents.keepers import clear_lane_again
from broker.rules.dispatch.runs.run_opening import LOOK_EVERY_S, PlannedRun, look_up_runs, open_if_due
from broker.rules.dispatch.runs.run_progress import catch_up, finish_if_settled, update
from broker.rules.dispatch.runs.run_restoring import cancel_gone
from broker.rules.dispatch.runs.shift_ends import end_shift, is_long_over
from broker.rules.dispatch.visits.closed_roads import keep_closed
from broker.rules.dispatch.visits.replan_error import ReplanError
from broker.rules.effects.attention import ask_about_overstaying, forget_left_out, is_overstaying
from broker.rules.effects.effect import Effect
from broker.rules.effects.plan_days import begin_local_day
from broker.rules.states.alarm import AlarmError
from broker.rules.states.answer import AnswerError
from broker.rules.states.booking import BookingError
from broker.rules.states.incident import IncidentError
from broker.rules.states.visit import VisitError, record_key
from firmware import wire

FORGET_EVERY_S = 3600
KEEP_S = 36 * 3600  # how long what is over stays, over a restart too
OPEN_S = 14 * 86400  # what nobody settled or closed for two weeks is in the record, no longer on the screen


class Decision(NamedTuple):
    """One decision that time asks for: which rule, about what, and how to make it."""

    rule: str
    about: str
    make: Callable[[], list[Effect]]


class Dispatch:
    """The decisions over one `Day`; the shell stores, then publishes what the methods return."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.forgot_at = 0
        self.ticked_at = 0
        self.steady_since = 0  # since when time has passed evenly
        self.watched_at = 0

    def begin_again(self, day: Day) -> None:
        """The day as it is on record, in place of the one in memory."""
        self.day = day

    def on_message(self, message: wire.Message, now: int) -> list[Effect]:
        """Decide on one device message that is new (not a resend)."""
        self.day.clock.reach(now)
        before = self.day.visits.placed
        effects = self._followed(take_message(self.day, message, now), before, now)
        return self._tell_changed(effects, now) if self.day.changed_runs else effects

    def set_aside(self, message: wire.Message, now: int) -> list[Effect]:
        """Take in a message whose rule failed lately: nothing is decided, nothing is hidden."""
        self.day.clock.reach(now)
        return set_aside(self.day, message, now)

    def act(self, act: Act, now: int) -> list[Effect]:
        """What a person decided; raises ActionError when it cannot be done, and then nothing has changed."""
        before = self.day.visits.placed
        try:
            return self._tell_changed(self._followed(carry_out(self.day, act, now), before, now), now)
        except ReplanError as why:
            raise ActionError(str(why), not_yet=why.not_yet) from why
        except BookingError as why:
            raise ActionError(str(why), missing=why.missing, stale=why.stale) from why
        except (AlarmError, AnswerError, IncidentError, VisitError) as why:
            raise ActionError(str(why)) from why

    def on_tick(self, now: int) -> Iterator[Decision]:
        """What time alone brings: runs that open, gaps that grow, alarms that repeat.

        The day may be begun again between two of the decisions.
        """
        self.day.clock.reach(now)
        for gone in list(self.day.leftovers.gone):
            yield self._decision("gone", record_key(gone), partial(cancel_gone, key=gone), now)
        if not self.day.clock.is_on(local_date(self.day.plan, now)):
            yield self._decision("plan", "", begin_local_day, now)
        planned: list[PlannedRun] = []
        if self.day.clock.would_look(now, LOOK_EVERY_S):
            yield self._decision("opening", "", partial(look_up_runs, found=planned), now)
        for one in planned:
            yield self._decision("opening", one.run_id, partial(open_if_due, planned_run=one), now)
        for truck in list(self.day.leftovers.unfollowed):
            yield self._decision("catching up", truck, partial(catch_up, truck=truck), now)
        for room, at in list(self.day.leftovers.lane_words):
            yield self._decision("keeper", room, partial(clear_lane_again, room=room, at=at), now)
        if not 0 <= now - self.ticked_at <= FORGET_EVERY_S:
            # A start, or a clock that was set and may be wrong: an hour of ticks comes first.
            self.forgot_at = self.steady_since = now
        self.ticked_at = now
        if now >= self.forgot_at + FORGET_EVERY_S:
            self.forgot_at = now
            yield self._decision("forgetting", "", _forget, now)
        is_steady = now - self.steady_since >= FORGET_EVERY_S
        for run_id in [run.run_id for run in self.day.runs.values() if run.state != "finished"]:
            if is_overstaying(self.day, run_id, now):
                yield self._decision("overstaying", run_id, partial(ask_about_overstaying, run_id=run_id), now)
            if time_passing.is_run_due(self.day, run_id, now):
                yield self._decision("run", run_id, partial(time_passing.of_run, run_id=run_id), now)
            if is_steady and is_long_over(self.day, run_id, now):
                yield self._decision("shift's end", run_id, partial(end_shift, run_id=run_id), now)
        for closure_id in list(self.day.closures):
            yield self._decision("closed road", closure_id, partial(keep_closed, closure_id=closure_id), now)
        for name in booking_handling.due(self.day, now, only_holds=not is_steady):
            yield self._decision("booking", name, partial(booking_handling.of_booking, booking_id=name), now)
        for round_id in [round_id for round_id, one in self.day.bookings.rounds.items() if one.order]:
            yield self._decision("on call", round_id, partial(on_call_runs.of_round, round_id=round_id), now)
        if self.day.bookings.open():
            yield self._decision("following", "", follow_visits, now)
        for key in [key for key, one in self.day.incidents.items() if one.open or key in self.day.incidents.shown]:
            for rule, (is_due, make) in time_passing.OF_INCIDENT.items():
                if is_due(self.day, key, now):
                    yield self._decision(rule, "/".join(key), partial(make, key=key), now)
        if not 0 <= now - self.watched_at < watching.LOOK_EVERY_S:
            self.watched_at = now
            yield self._decision("silences", "", silences.look_for_silences, now)
            idle = watching.idle_trucks(self.day)
            for run_id in [run.run_id for run in self.day.runs.values() if run.state != "finished"]:
                yield self._decision("watching", run_id, partial(watching.look_at_run, run_id=run_id, idle=idle), now)
            yield self._decision("watching", "", watching.look_around, now)
            yield self._decision("drifting", "", drifting.look_at_calls, now)
        for about in alarm_states.to_settle(self.day, now):
            yield self._decision("alarm state", about, partial(alarm_states.settle, about=about), now)

    def next_step(self, now: int) -> Decision | None:
        """One short step more of what takes long, offers for a breakdown; None when there is nothing of the kind."""
        working = self.day.incidents.working
        return None if working is None else self._decision("offer", "/".join(working.key), time_passing.work_on, now)

    def leave_steps(self) -> None:
        """What takes long is not gone on with."""
        time_passing.leave_work(self.day)

    def _decision(self, rule: str, about: str, make: Callable[..., list[Effect]], now: int) -> Decision:
        return Decision(rule, about, partial(self._made, make, now))

    def _made(self, make: Callable[..., list[Effect]], now: int) -> list[Effect]:
        effects = make(self.day, now=now)
        return self._tell_changed(effects, now) if self.day.changed_runs else effects

    def _followed(self, effects: list[Effect], before: int, now: int) -> list[Effect]:
        """With what becomes of bookings by that: who asks for something next finds them as their visits are."""
        return effects if self.day.visits.placed == before else [*effects, *follow_visits(self.day, now)]

    def _tell_changed(self, effects: list[Effect], now: int) -> list[Effect]:
        """Predict and tell anew the runs whose visits were changed; close the ones that owe nothing any more."""
        while (run_id := self.day.changed_runs.take()) is not None:
            run = self.day.runs.get(run_id)
            if run is None or run.state == "finished":
                continue
            effects += update(self.day, run, now, changed=True)
            effects += finish_if_settled(self.day, run, now)
        return effects


def _forget(day: Day, now: int) -> list[Effect]:
    day.forget(now - KEEP_S, now - OPEN_S)
    forget_left_out(day, now - KEEP_S)
    return []
