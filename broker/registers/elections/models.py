"""The election register as it stands in `elections.json`. None (null) always means "not stated", never zero."""

from typing import Annotated, Literal

from pydantic import Field

from broker.registers.fields import BirthDay, Count, Day, Id, Line, Plain, Prose, Source

BodyKind = Literal["party_branch", "residents_committee", "womens_federation"]
Level = Literal["first", "second"]
Phase = Literal["before", "after"]
Post = Literal["secretary", "deputy_secretary", "chair", "vice_chair", "full_time_member", "part_time_member"]
AgeBand = Literal["under_30", "30_39", "40_49", "50_59", "60_69", "70_up"]
Education = Literal["below_senior_secondary", "senior_secondary", "college", "bachelor", "master", "doctor"]
Sex = Literal["female", "male"]
Origin = Literal["self_governance", "co_governance", "support"]
Occupation = Literal[
    "social_worker", "official", "police_officer", "owners_committee", "property_manager",
    "resident_organisation", "firm", "retired", "other",
]
StepName = Literal[
    "preparation", "plan", "nomination", "registration", "meeting", "vote", "result", "handover", "training",
]
RiskLevel = Literal["low", "medium", "high"]

PHASES: tuple[Phase, Phase] = ("before", "after")
STEPS: tuple[StepName, ...] = (
    "preparation", "plan", "nomination", "registration", "meeting", "vote", "result", "handover", "training",
)
HEADS: frozenset[str] = frozenset({"secretary", "chair"})
DEPUTIES: frozenset[str] = frozenset({"deputy_secretary", "vice_chair"})
POSTS_OF_KIND: dict[str, frozenset[str]] = {
    "party_branch": frozenset({"secretary", "deputy_secretary", "full_time_member", "part_time_member"}),
    "residents_committee": frozenset({"chair", "vice_chair", "full_time_member", "part_time_member"}),
    "womens_federation": frozenset({"chair", "vice_chair", "full_time_member", "part_time_member"}),
}


class Member(Plain):
    """One seat's holder, known by an id; the age is stated in one way: birth date, completed years or band."""

    id: Id
    name: Line | None = None
    post: Post
    birth_date: BirthDay | None = None
    age_years: Annotated[int, Field(ge=0, le=120)] | None = None
    age_band: AgeBand | None = None
    education: Education | None = None
    sex: Sex | None = None
    since: Day | None = None
    consecutive_terms: Annotated[int, Field(ge=1, le=30)] | None = None
    origin: Origin | None = None
    occupation: Occupation | None = None
    note: Prose | None = None


class Term(Plain):
    """One composition of a body; ages `before` count on `ends_on`, ages `after` on `starts_on`."""

    starts_on: Day
    ends_on: Day | None = None
    members: list[Member] = Field(default_factory=list)


class Step(Plain):
    """One step of the procedure."""

    planned_on: Day | None = None
    done_on: Day | None = None
    note: Prose | None = None


class Ballot(Plain):
    """Heads counted at the electing meeting."""

    eligible: Count | None = None
    present: Count | None = None
    valid_votes: Count | None = None


class Risk(Plain):
    """One foreseen risk and what is done about it."""

    id: Id
    risk: Prose
    countermeasure: Prose | None = None
    level: RiskLevel = "medium"


class Tally(Plain):
    """How far registration and home visits had come by a day, counted from the beginning; the day is its id."""

    on: Day
    voters_registered: Count | None = None
    households_visited: Count | None = None


class EstatePlan(Plain):
    """One estate, one plan 一居一方案."""

    summary: Prose | None = None
    risks: list[Risk] = Field(default_factory=list)


class Body(Plain):
    """One elected body, its two terms, its plan, the steps of its election, the tallies before it and the count.

    `first_responsible` 第一责任人 answers for this election, `liaison_cadre` 包联干部 is the office's link to it.
    """

    id: Id
    area: Id
    kind: BodyKind
    level: Level
    parent: Id | None = None
    name: Line
    first_responsible: Line | None = None
    liaison_cadre: Line | None = None
    before: Term | None = None
    after: Term | None = None
    plan: EstatePlan = Field(default_factory=EstatePlan)
    steps: dict[StepName, Step] = Field(default_factory=dict)
    tallies: list[Tally] = Field(default_factory=list)
    ballot: Ballot = Field(default_factory=Ballot)
    sources: list[Source] = Field(default_factory=list)


class ResidentialArea(Plain):
    """One residential area 居民区, and who answers for it and is the office's link to it in whatever is elected."""

    id: Id
    name: Line
    first_responsible: Line | None = None
    liaison_cadre: Line | None = None


class ElectionRegister(Plain):
    """The whole of `elections.json`."""

    format: Literal["zhanpai-elections/1"] = "zhanpai-elections/1"
    areas: list[ResidentialArea] = Field(default_factory=list)
    bodies: list[Body] = Field(default_factory=list)
