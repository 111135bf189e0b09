"""The register of safety works as it stands in `safety.json`; status and milestone words are those of OC4IDS."""

from typing import Annotated, Literal

from pydantic import Field

from broker.registers.fields import Bounds, Day, Id, Line, Place, Plain, Prose, Ratio, Source

WorksKind = Literal["rescue_post", "ebike_charging", "lift_blocker", "fire_repair", "other"]
Status = Literal["identification", "preparation", "implementation", "completion", "maintenance", "cancelled"]
MilestoneStatus = Literal["scheduled", "met", "notMet", "partiallyMet"]
InspectionResult = Literal["passed", "passed_with_defects", "failed"]

STATUSES: tuple[Status, ...] = (
    "identification", "preparation", "implementation", "completion", "maintenance", "cancelled",
)
FINISHED: frozenset[str] = frozenset({"completion", "maintenance"})


class Estate(Plain):
    """One estate 小区; `area` is the residential area it belongs to, if stated."""

    id: Id
    name: Line
    area: Id | None = None


class Contractor(Plain):
    """Who does the work."""

    id: Id
    name: Line


class Programme(Plain):
    """What was promised for the year: so many of one kind."""

    id: Id
    kind: WorksKind
    title: Line
    target_count: Annotated[int, Field(ge=1, le=10_000)]
    starts_on: Day | None = None
    due_on: Day | None = None
    sources: list[Source] = Field(default_factory=list)


class Milestone(Plain):
    """One dated promise of a site."""

    id: Id
    title: Line
    due_on: Day | None = None
    met_on: Day | None = None
    status: MilestoneStatus = "scheduled"


class Observation(Plain):
    """Physical progress seen on a day, as a ratio 0..1; the day is its id."""

    on: Day
    measure: Ratio


class Acceptance(Plain):
    """The formal taking-over of a finished site."""

    accepted_on: Day
    document: Line
    accepted_by: Line | None = None


class Inspection(Plain):
    """One visit by an inspector."""

    id: Id
    on: Day
    result: InspectionResult
    inspector: Line | None = None
    note: Prose | None = None


class Defect(Plain):
    """One thing to put right, by when, and when it was."""

    id: Id
    description: Prose
    found_on: Day
    due_on: Day | None = None
    fixed_on: Day | None = None


class Site(Plain):
    """One place where works are promised or done."""

    id: Id
    programme: Id
    estate: Id
    title: Line
    description: Prose | None = None
    place: Place | None = None
    contractor: Id | None = None
    status: Status = "identification"
    progress: list[Observation] = Field(default_factory=list)
    milestones: list[Milestone] = Field(default_factory=list)
    acceptance: Acceptance | None = None
    inspections: list[Inspection] = Field(default_factory=list)
    defects: list[Defect] = Field(default_factory=list)
    sources: list[Source] = Field(default_factory=list)


class SafetyRegister(Plain):
    """The whole of `safety.json`."""

    format: Literal["zhanpai-safety/1"] = "zhanpai-safety/1"
    bounds: Bounds | None = None
    estates: list[Estate] = Field(default_factory=list)
    contractors: list[Contractor] = Field(default_factory=list)
    programmes: list[Programme] = Field(default_factory=list)
    sites: list[Site] = Field(default_factory=list)
