"""What a person is asked about runs and visits."""

from broker.rules.day.attention.asked import Asked, Topic


class PassedBy(Asked, topic=Topic.PASSED, word="passed_by"):
    """A room passed by without a stop."""

    truck: str
    room: str


class LongStay(Asked, topic=Topic.PASSED, word="long_stay"):
    """A truck that stands at a room for very long."""

    truck: str
    run: str
    room: str
    minutes: int


class NotOut(Asked, topic=Topic.DOOR, word="not_out"):
    """A truck that stands at a room whose bins are inside still."""

    truck: str
    room: str
    count: int


class Standing(Asked, topic=Topic.ROAD, word="standing"):
    """A truck that stands on the road, and whose driver has not pressed."""

    truck: str
    run: str
    room: str
    minutes: int


class TruckNotHeard(Asked, topic=Topic.BEGIN, word="truck_not_heard"):
    """A truck that should be switched on: its run begins in so many minutes."""

    truck: str
    run: str
    minutes: int


class RunNotBegun(Asked, topic=Topic.BEGIN, word="run_not_begun", level="severe"):
    """A run that should have begun so many minutes ago."""

    truck: str
    run: str
    minutes: int


class ExtraTruckNotHeard(Asked, topic=Topic.BEGIN, word="extra_truck_not_heard", level="severe"):
    """A truck that was to take over so many minutes ago, and is not heard."""

    truck: str
    run: str
    minutes: int


class WillMiss(Asked, topic=Topic.WAY, word="will_miss"):
    """A run that will be so late at some rooms, the worst of which is named; who could take some of them over."""

    truck: str
    run: str
    room: str
    minutes: int
    count: int
    able: str


class TruckFull(Asked, topic=Topic.WAY, word="truck_full"):
    """A truck that has loaded what it can, while its run owes visits."""

    truck: str
    run: str
    bins: int
    capacity: int
    count: int


class RunOwes(Asked, topic=Topic.OWES, word="run_owes"):
    """A run that is long over and owes so many visits."""

    truck: str
    run: str
    count: int


class RunGone(Asked, topic=Topic.GONE, word="run_gone"):
    """A run whose route left the plan."""

    truck: str
    run: str


class RoomsGone(Asked, topic=Topic.GONE, word="rooms_gone"):
    """A run of which so many rooms left the plan."""

    truck: str
    run: str
    count: int


class VisitsUnread(Asked, topic=Topic.UNREAD, word="visits_unread"):
    """A run that goes on without these rooms."""

    truck: str
    run: str
    rooms: str


class RunUnread(Asked, topic=Topic.UNREAD, word="run_unread"):
    """A run that is not begun anew, because it has a record."""

    truck: str
    run: str
