"""What a person is asked about presses and who answers them."""

from broker.rules.day.attention.asked import Asked, Topic


class PressUnworked(Asked, topic=Topic.PRESS, word="press_unworked", level="severe"):
    """A press is open, and nothing was re-planned for it."""

    truck: str
    incident: str


class PressTakenBack(Asked, topic=Topic.PRESS, word="press_taken_back", level="severe"):
    """A press is open though its driver took it back, and nothing was re-planned for that."""

    truck: str
    incident: str


class NobodyAnswered(Asked, topic=Topic.ANSWER, word="nobody_answered", level="severe"):
    """An addressee of whose chain everybody was told, and nobody has seen it."""

    truck: str
    incident: str
    addressee: str
    party: str
    minutes: int


class PromiseBroken(Asked, topic=Topic.ANSWER, word="promise_broken"):
    """An addressee that promised something until a time that is over."""

    truck: str
    incident: str
    addressee: str
    party: str
    at: int
