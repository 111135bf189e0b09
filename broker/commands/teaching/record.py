"""The positions of a truck in the bridge's record."""

from collections import Counter
from datetime import datetime, tzinfo

from broker.commands.teaching.files import Progress
from broker.plan.model import Plan
from broker.rules.teaching.positions import Position, TeachingError
from broker.rules.teaching.rooms import KnownRoom
from broker.store import Store, where


def positions_on_record(store: Store, truck: str, span: tuple[int, int], zone: tzinfo, progress: Progress
                        ) -> list[Position]:  # fmt: skip
    """What a truck said of its place in a span; raises TeachingError naming who was heard when it was not."""
    from_at, to_at = span
    within = (where("kind") == "fix") & (where("at") >= from_at) & (where("at") < to_at)
    found = []
    lost = False
    for record in store.search(within & (where("key") == truck)):
        progress(1)
        body = record.body
        at, lat, lon = body.get("fix_at"), body.get("lat"), body.get("lon")
        lost = lost or lat is None
        if at is not None and lat is not None and lon is not None:
            found.append(Position(at, lat, lon, body.get("speed_mps"), lost))
            lost = False
    if not found:
        raise TeachingError(_nobody(store, truck, span, zone))
    return found


def known_rooms(store: Store, plan: Plan, span: tuple[int, int], progress: Progress) -> list[KnownRoom]:
    """The plan's rooms, each with the moments of a span at which its unit counted other bins than before."""
    counts: dict[str, object] = {}
    stirred: dict[str, list[float]] = {}
    for record in store.scan("bins", *span):
        progress(1)
        now = [(one.get("waste"), one.get("count")) for one in record.body.get("bins") or ()]
        if counts.setdefault(record.key, now) != now:
            stirred.setdefault(record.key, []).append(record.at)
        counts[record.key] = now
    return [KnownRoom(room, tuple(stirred.get(room.room_id, ()))) for room in plan.rooms.values()]


def _nobody(store: Store, truck: str, span: tuple[int, int], zone: tzinfo) -> str:
    begin, end = (f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}" for at in span)
    said = f"no position of {truck} from {begin} to {end}"
    heard: Counter[str] = Counter()
    times: list[int] = []
    for record in store.search((where("kind") == "fix") & (where("at") >= span[0] - 86_400)
                               & (where("at") < span[1] + 86_400)):  # fmt: skip
        if record.key == truck and record.body.get("lat") is not None:
            times.append(record.at)
        elif span[0] <= record.at < span[1]:
            heard[record.key] += 1
    if times:
        first, last = (datetime.fromtimestamp(at, zone) for at in (times[0], times[-1]))
        return f"{said}; it was heard from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}: say --day, --from and --to"
    if heard:
        return f"{said}; heard were {', '.join(f'{name} ({number})' for name, number in heard.most_common(10))}"
    return f"{said}, nor of any other truck then: say the --day on which it was driven"
