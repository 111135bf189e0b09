"""What a person should look at about runs and visits: it is on the list as long as it is so, with figures of now.

    passed/RUN/ROOM/NUMBER   a room passed by without a stop, or a truck that stands there for very long: was it served?
    owes/RUN                 a run that is long over and owes visits
"""

from broker.rules.dispatch.day import Attention, Run, Shift
from broker.rules.states.visit import Visit, record_key

LONG_STAY_S = 45 * 60


def ask_about_passed(shift: Shift, visit: Visit, at: int) -> None:
    """Put it on the list of what a person should look at, as long as the visit is owed."""
    if visit.owed:
        about = {"truck": visit.truck, "room": shift.plan.rooms[visit.room].name}
        shift.attention[f"passed/{record_key(visit.key)}"] = Attention(at, "passed_by", about)


def ask_about_overstaying(shift: Shift, now: int) -> None:
    """Name trucks that are at a room for very long, and runs long over that owe visits."""
    for run in shift.runs.values():
        if run.state == "finished":
            continue
        owed = shift.owed(run)
        if now > run.planned_end_at + shift.settings.forget_after_s:
            _ask(shift, f"owes/{run.run_id}", now, "run_owes", run, count=len(owed))
        for visit in owed:
            stay_s = now - visit.arrived_at if visit.state == "at_stop" and visit.arrived_at is not None else 0
            if stay_s > LONG_STAY_S:
                room = shift.plan.rooms[visit.room].name
                _ask(shift, f"passed/{record_key(visit.key)}", now, "long_stay", run, room=room, minutes=stay_s // 60)


def take_back(shift: Shift, visit: Visit) -> None:
    """Whether it was served is no question any more."""
    shift.attention.pop(f"passed/{record_key(visit.key)}", None)


def forget_left_out(shift: Shift, before_at: int) -> None:
    """What was said of runs that are not here was read by now."""
    for name, said in list(shift.attention.items()):
        about, _, run_id = name.partition("/")
        if about in ("gone", "unread") and run_id not in shift.runs and said.since < before_at:
            del shift.attention[name]


def _ask(shift: Shift, name: str, now: int, word: str, run: Run, **values: int | str) -> None:
    """The question as it is now, since it was first asked."""
    asked = shift.attention.get(name)
    since = asked.since if asked is not None and asked.word == word else now
    shift.attention[name] = Attention(since, word, {"truck": run.truck, "run": run.run_id, **values})
