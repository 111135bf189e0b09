"""What a person is asked about the area as a whole: its plan, its record, its rules, its alarms."""

from broker.rules.day.attention.asked import Asked, Topic


class PlanNever(Asked, topic=Topic.PLAN, word="plan_never", level="severe"):
    """A plan that has no day on which anything runs."""

    runs: int


class PlanEnded(Asked, topic=Topic.PLAN, word="plan_ended", level="severe"):
    """A plan whose last day is over."""

    last_day: str


class PlanNotBegun(Asked, topic=Topic.PLAN, word="plan_not_begun", level="severe"):
    """A plan whose first day is still to come."""

    first_day: str


class PlanEndsToday(Asked, topic=Topic.PLAN, word="plan_ends_today", level="severe"):
    """A plan whose last day it is."""

    last_day: str


class PlanEnds(Asked, topic=Topic.PLAN, word="plan_ends"):
    """A plan that ends within a week."""

    last_day: str
    days: int


class RoutesEnded(Asked, topic=Topic.PLAN, word="routes_ended"):
    """Routes on which nothing runs any more, while others go on."""

    routes: str


class RoutesEnd(Asked, topic=Topic.PLAN, word="routes_end"):
    """Routes on which nothing runs any more after this week, while others go on."""

    routes: str


class LeftOut(Asked, topic=Topic.LEFT_OUT, word="left_out", level="severe"):
    """So many records or runs could not be brought back at the start; the first of them by name."""

    count: int
    names: str


class RuleFailed(Asked, topic=Topic.FAULT, word="rule_failed", level="severe"):
    """A rule failed on something so many times, and is tried again in so many seconds."""

    rule: str
    about: str
    count: int
    seconds: int


class RuleFailedBefore(Asked, topic=Topic.FAULT, word="rule_failed_before"):
    """A rule failed on something so many times, and did not for an hour."""

    rule: str
    about: str
    count: int


class AlarmFlood(Asked, topic=Topic.FLOOD, word="alarm_flood"):
    """So many alarms in ten minutes."""

    count: int
