"""Who is asked to do something about an incident: told one after the other, heard, and held to what they promise.

What an area says of its addressees (settings.answers) becomes the rows of each incident (states/answer.py). Who is on
duty for a step of a chain is asked of `day.duty`, and kept with the row.
"""

from collections.abc import Callable

from broker.rules.day.day import Day
from broker.rules.day.duty import Post
from broker.rules.day.incidents import IncidentKey
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.incidents import contractors
from broker.rules.dispatch.visits.moved_visits import insert_visit, set_visits
from broker.rules.dispatch.visits.skip_reasons import free_from
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import put, put_incident
from broker.rules.states.answer import CONTRACTOR, DISPATCHER, ESTATE, Answer, Clocks
from broker.rules.states.incident import Incident

FURTHEST_PROMISE_S = 12 * 3600
NEVER_AT = 2**62


def addressed(day: Day, incident: Incident, now: int) -> Incident:
    """The incident with a row for each who is to be told of it, and the first of each chain told."""
    rows = [_told(day, incident, row, now)[0] for row in _rows(day, incident, now)]
    return incident if tuple(rows) == incident.answers else incident.answering(rows, now)


def pass_time(day: Day, key: IncidentKey, now: int) -> list[Effect]:
    """What time alone brings: the next in a chain is told, a promise is broken, what was seen is told again."""
    incident = day.incidents.get(key)
    if incident is None or not incident.open:
        return []
    rows: list[Answer] = []
    said: list[Effect] = []
    for row in _rows(day, incident, now):
        after, notices = _passed(day, incident, row, now)
        rows.append(after)
        said += notices
    if tuple(rows) == incident.answers:
        day.incidents.rest_until(key, _next_at(day, incident, now))
        return []
    return [*put_incident(day, incident.answering(rows, now), now), *said]


def hear(day: Day, incident: Incident, act: Act, now: int) -> list[Effect]:
    """What an addressee says, by one of its deeds; raises ActionError or AnswerError for one that cannot be."""
    row = incident.answer(act.addressee or "")
    if row is None or not incident.open:
        raise ActionError(f"{act.addressee} is not asked about this incident", missing=True)
    if act.version is not None and act.version != row.version:
        text = f"somebody answered for {row.id} meanwhile (version {row.version}): look again, then answer"
        raise ActionError(text, stale=True)
    deed = _DEEDS.get(act.answer or "")
    if deed is None:
        raise ActionError(f"answer must be one of {' '.join(_DEEDS)}, got {act.answer!r}")
    return deed(day, incident, row, act, now)


def keep_row(day: Day, incident: Incident, row: Answer, now: int) -> list[Effect]:
    """Have this row in the place of the one of its id."""
    return put_incident(day, with_row(incident, row, now), now)


def with_row(incident: Incident, row: Answer, now: int) -> Incident:
    """The incident with this row in the place of the one of its id."""
    return incident.answering([row if one.id == row.id else one for one in incident.answers], now)


def estate_cleared(incident: Incident, who: str, now: int) -> Incident:
    """The estate says itself that its lane is free: what it was asked for is done."""
    row = incident.answer(ESTATE)
    return incident if row is None or not row.open else with_row(incident, row.finished(who, now), now)


def _see(day: Day, incident: Incident, row: Answer, act: Act, now: int) -> list[Effect]:
    if row.addressee == DISPATCHER and incident.workflow == "raised":
        return put_incident(day, incident.acknowledged(act.who, now), now)
    return keep_row(day, incident, row.seen(act.who, now), now)


def _promise(day: Day, incident: Incident, row: Answer, act: Act, now: int) -> list[Effect]:
    """A promise binds the plan: from then on the lane is free, from then on the extra truck drives."""
    _not_the_dispatchers(row)
    if act.until_at is None or not now < act.until_at <= now + FURTHEST_PROMISE_S:
        raise ActionError(f"a promise is for a time within the next {FURTHEST_PROMISE_S // 3600} hours: until_at")
    promised = row.promised(act.until_at, act.who, now)
    kept = with_row(incident, promised, now)
    effects = put_incident(day, kept, now)
    if row.addressee == CONTRACTOR:
        return effects + contractors.start_at(day, kept, promised, act.until_at, now)
    return effects + _lane_free_from(day, kept, act.until_at, now)


def _finish(day: Day, incident: Incident, row: Answer, act: Act, now: int) -> list[Effect]:
    _not_the_dispatchers(row)
    return keep_row(day, incident, row.finished(act.who, now), now)


def _refuse(day: Day, incident: Incident, row: Answer, act: Act, now: int) -> list[Effect]:
    """A contractor's work goes to the next one, and where there is none, back to whoever decided."""
    _not_the_dispatchers(row)
    refused = with_row(incident, row.refused(act.who, act.reason, now), now)
    if row.addressee != CONTRACTOR:
        return put_incident(day, refused, now)
    effects, after = contractors.ask_the_next(day, refused, row, now)
    return effects + put_incident(day, addressed(day, after, now), now)


def _set_out(day: Day, incident: Incident, row: Answer, act: Act, now: int) -> list[Effect]:
    if row.addressee != CONTRACTOR:
        raise ActionError(f"{row.id} has nothing that could set out")
    return keep_row(day, incident, row.on_the_way(act.who, now), now)


_DEEDS: dict[str, Callable[[Day, Incident, Answer, Act, int], list[Effect]]] = {
    "see": _see, "promise": _promise, "finish": _finish, "refuse": _refuse, "set_out": _set_out,
}  # fmt: skip


def _not_the_dispatchers(row: Answer) -> None:
    if row.addressee == DISPATCHER:
        raise ActionError("the dispatcher answers by what is decided: acknowledge, decide, resolve")


def _lane_free_from(day: Day, incident: Incident, at: int, now: int) -> list[Effect]:
    """Who clears the lane says by when: the second visit is made where it costs least after that."""
    second = contractors.made_up_for(day, incident)
    run = day.runs.get(second.run_id) if second is not None else None
    if second is None or run is None or second.state == "at_stop" or incident.condition == "cleared":
        return []
    opened = second.open_from(free_from(day, incident, run.run_id) or at)
    effects = put(day, opened, now)
    if opened.state == "pending":
        return effects + insert_visit(day, run, opened, now)
    set_visits(day, run, now)  # its lamp is lit: it keeps its place
    return effects


def _rows(day: Day, incident: Incident, now: int) -> list[Answer]:
    """The rows that there are, without those that are not meant any more, and those that are missing."""
    reasons = {incident.reason, *(("lane_blocked",) if incident.room is not None else ())}
    wanted = {}
    for one in day.settings.answers.addressees:
        is_there = one.name != CONTRACTOR and not (one.name == ESTATE and incident.estate is None)
        if is_there and reasons & {*one.reasons}:
            wanted[one.name] = "" if one.name == DISPATCHER else incident.estate or ""
    wanted.setdefault(DISPATCHER, "")
    rows = []
    for row in incident.answers:
        is_meant = row.addressee == CONTRACTOR or wanted.get(row.addressee) == row.party
        rows.append(row if is_meant else row.ended(now, came_true=False))
    known = {(row.addressee, row.party) for row in rows}
    return [*rows, *(Answer.asked(name, party, now) for name, party in wanted.items() if (name, party) not in known)]


def _passed(day: Day, incident: Incident, row: Answer, now: int) -> tuple[Answer, list[Effect]]:
    """A row as time leaves it, and what is to be said of that."""
    if row.addressee == CONTRACTOR and row.open and contractors.has_come(day, row):
        return row.finished(None, now), []
    due_at = row.due_at(_clocks(day), len(day.settings.answers.chain_of(row.addressee)))
    if due_at is None or now < due_at:
        return row, []
    if row.state == "promised":
        text = f"{incident.truck}: {row.addressee} {row.party} promised until {row.until_at}, and it is not done"
        return row.passed(now), [Notice("warning", text)]
    if row.state == "seen":
        with_incident = row.addressee == DISPATCHER and incident.workflow == "acknowledged"
        return (row if with_incident else row.expired(now)), []
    return _told(day, incident, row, now)


def _next_at(day: Day, incident: Incident, now: int) -> int:
    """When time alone may change a row next, as they are; of a contractor's truck it is looked whether it has come."""
    if any(row.addressee == CONTRACTOR and row.open for row in incident.answers):
        return now + 1
    due = (row.due_at(_clocks(day), len(day.settings.answers.chain_of(row.addressee))) for row in incident.answers)
    return min((at for at in due if at is not None), default=NEVER_AT)


def _told(day: Day, incident: Incident, row: Answer, now: int) -> tuple[Answer, list[Effect]]:
    """A row once the next of its chain is told, if that is due."""
    chain = day.settings.answers.chain_of(row.addressee)
    due_at = row.due_at(_clocks(day), len(chain))
    if row.state != "told" or due_at is None or now < due_at:
        return row, []
    about = f"{incident.truck}: {incident.reason}: {row.addressee} {row.party}".rstrip()
    if row.step >= len(chain):
        return row.unanswered(now), [Notice("severe", f"{about}: nobody answered")]
    step = chain[row.step]
    firm = row.party if row.addressee == CONTRACTOR else None
    post = Post(step, incident.room, incident.estate, row.truck or incident.truck, firm)
    names = day.duty.of(post, now)
    told = row.tells(step, names, now)
    if row.step == 0:
        return told, []
    whom = f"{step} {' '.join(names)}".rstrip()
    return told, [Notice("warning", f"{about}: not seen for {now - row.told_at} s, told now: {whom}")]


def _clocks(day: Day) -> Clocks:
    return Clocks(day.settings.answers.next_person_s, day.settings.answers.next_step_s)
