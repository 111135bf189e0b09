"""What time alone brings to a run and to an incident: gaps that grow, alarms that repeat, offers that age.

Time is asked each second and seldom brings anything: whether it does now (`is_run_due`, and what stands first in a row
of OF_INCIDENT) is known without a decision.
"""

from broker.rules.day.day import Day
from broker.rules.day.incidents import IncidentKey
from broker.rules.day.runs import Run
from broker.rules.dispatch.incidents import addressing
from broker.rules.dispatch.runs.run_progress import follow, stay_on, update
from broker.rules.dispatch.visits.offers import show_when_made
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import close_incident, put_incident
from broker.rules.states.answer import ACK_EXPIRES_S
from broker.rules.states.incident import Incident

OFFER_EVERY_S = 30
UNSEEN_LONG_S = 3600  # nobody is there who looks: over a night offers would be made anew a thousand times
OFFER_SELDOM_S = 300


def is_run_due(day: Day, run_id: str, now: int) -> bool:
    """Whether `of_run` may find anything."""
    run = day.runs.get(run_id)
    if run is None or run.state == "finished":
        return False
    if day.run_of(run.truck) is not run:
        return now - run.updated_at >= _next_run_every_s(day, run, now)
    if now - run.updated_at >= _every_s(day, run) or run.tracker.may_be_held(now):
        return True
    following = day.run_after(run)
    return following is not None and now >= following.planned_start_at


def of_run(day: Day, run_id: str, now: int) -> list[Effect]:
    """What a run's tracker says without a position, and predictions made again."""
    run = day.runs.get(run_id)
    if run is None or run.state == "finished":
        return []
    if day.run_of(run.truck) is not run:
        return update(day, run, now) if now - run.updated_at >= _next_run_every_s(day, run, now) else []
    events = run.tracker.on_tick(now)
    effects = [*follow(day, run, events, now), *stay_on(day, run, now)]
    if events or now - run.updated_at >= _every_s(day, run):
        effects += update(day, run, now)
    return effects


def _every_s(day: Day, run: Run) -> int:
    """How often a run is predicted whose truck is on it."""
    return day.settings.restate_s if run.is_calm else day.settings.update_s


def _next_run_every_s(day: Day, run: Run, now: int) -> int:
    """How often a run is predicted whose truck is on another yet: seldom, but as any other once a call may be due."""
    settings = day.settings
    first_at = min((eta.eta_at for eta in run.etas.values()), default=now)
    is_near = first_at - now <= settings.calls.call_at_s + settings.restate_s
    return settings.update_s if is_near else settings.restate_s


def _is_alarm_due(day: Day, key: IncidentKey, now: int) -> bool:
    incident = day.incidents.get(key)
    wake_at = incident.wake_at() if incident is not None else None
    return wake_at is not None and now >= wake_at


def alarm(day: Day, key: IncidentKey, now: int) -> list[Effect]:
    """An alarm that repeats, an acknowledgement that runs out."""
    incident = day.incidents.get(key)
    return _overdue(day, incident, now) if incident is not None and _is_alarm_due(day, key, now) else []


def _are_answers_due(day: Day, key: IncidentKey, now: int) -> bool:
    return not day.incidents.rests(key, now)


def _is_offer_due(day: Day, key: IncidentKey, now: int) -> bool:  # noqa: ARG001  (asked as the others are)
    incident, working = day.incidents.get(key), day.incidents.working
    is_shown = key in day.incidents.shown or (working is not None and working.key == key)
    return is_shown or (incident is not None and _asks_for_offers(incident))


def offer(day: Day, key: IncidentKey, now: int) -> list[Effect]:
    """Begin to work out what could be done about a breakdown, to be shown before anybody agrees; it ages, so again."""
    incident = day.incidents.get(key)
    if incident is None:
        return []
    run = day.runs.get(incident.run_id or "")
    if not _asks_for_offers(incident) or run is None:
        if not incident.open or incident.workflow == "resolved":
            day.incidents.end_choosing(key)
        elif now - day.incidents.offers(key)[0] >= OFFER_EVERY_S:  # till then they are there for who asked for them
            day.incidents.take_offers_down(key)
    elif now - day.incidents.offers(key)[0] >= (every_s := _offer_every_s(incident, now)):
        shown = day.incidents.offers_of_run(run.run_id, now - every_s)
        if shown is not None:  # pressed again and again: what can be done about the truck is the same
            day.incidents.show_offers(key, *shown)
            return []
        if day.incidents.working is None:
            day.incidents.begin_working(key, now, show_when_made(day, key, run, day.owed(run), now))
    return []


def _offer_every_s(incident: Incident, now: int) -> int:
    """How often they are made anew; whoever acknowledges, or clicks on one that is not so any more, has new ones."""
    is_unseen = incident.workflow == "raised" and now - incident.raised_at >= UNSEEN_LONG_S
    return OFFER_SELDOM_S if is_unseen else OFFER_EVERY_S


def work_on(day: Day, now: int) -> list[Effect]:  # noqa: ARG001  (a decision as every other; its time is past)
    """One short step of what takes long: the offers that are being worked out."""
    working = day.incidents.working
    if working is not None and next(working.steps, working) is working:
        day.incidents.end_working()
    return []


def leave_work(day: Day) -> None:
    """Offers that were begun are not made."""
    day.incidents.end_working()


def _asks_for_offers(incident: Incident) -> bool:
    return incident.open and incident.reason == "breakdown" and incident.workflow in ("raised", "acknowledged")


def _is_closing_due(day: Day, key: IncidentKey, now: int) -> bool:  # noqa: ARG001  (asked as the others are)
    incident = day.incidents.get(key)
    return incident is not None and incident.workflow == "resolved"


def closing(day: Day, key: IncidentKey, now: int) -> list[Effect]:
    """The end of what is resolved."""
    incident = day.incidents.get(key)
    if incident is None or incident.workflow != "resolved" or _still_owed(day, incident):
        return []
    return close_incident(day, incident, now)


OF_INCIDENT = {  # whether it is due, and what is done then; each a decision of its own: none stops another
    "alarm": (_is_alarm_due, alarm),
    "answers": (_are_answers_due, addressing.pass_time),
    "offer": (_is_offer_due, offer),
    "closing": (_is_closing_due, closing),
}


def _overdue(day: Day, incident: Incident, now: int) -> list[Effect]:
    if incident.workflow == "acknowledged":
        text = f"{incident.truck}: acknowledged {ACK_EXPIRES_S // 60} minutes ago, nothing decided: open again"
        return [*put_incident(day, incident.expired(now), now), Notice("severe", text)]
    waited_s = now - incident.raised_at
    text = f"{incident.truck}: {incident.reason} not acknowledged for {waited_s} s"
    return [*put_incident(day, incident.repeated(now), now), Notice("severe", text)]


def _still_owed(day: Day, incident: Incident) -> bool:
    """Whether the visit that makes up for a blocked one has not been settled."""
    if incident.room is None or incident.run_id is None:
        return False
    return any(
        visit.owed and visit.run_id == incident.run_id and visit.visit_number > (incident.visit_number or 0)
        for visit in day.visits.at(incident.room)
    )
