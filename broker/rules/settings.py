"""What an area may set of the rules (broker.toml), each number with its usual value, which stands only here.

Nothing is imported here: the configuration takes its defaults from this page, the rules take their numbers from it.
"""

from dataclasses import dataclass, field

SCALE_NOISE_GRAMS = 500  # two weights of one thing may differ by so much
HEAVIEST_LOAD_GRAMS = 60_000_000  # no truck on a road carries more: a weigh-in of more is a slip
CONTAMINATION_GRADES = (1, 2, 3)  # a few wrong pieces, many, not to be taken as what it is called
CALL_KINDS = ("not_begun", "first_leg", "live", "second")  # of a run, or visit, when its room is called
LIGHTEST_BIN_GRAMS = 5_000  # less than this is dirt, rain and drift, not a bin


@dataclass(frozen=True, slots=True)
class Streets:
    """What is taken of a street that nobody has driven: how fast it is, and its metres per straight metre."""

    speed_mps: float = 5.0
    detour_factor: float = 1.35


@dataclass(frozen=True, slots=True)
class FirstStay:
    """What is taken of a stay at a room where none was seen: setting up, each bin, and how many bins there are."""

    setup_s: float = 60.0
    per_bin_s: float = 25.0
    bins: float = 3.0


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The lamp's numbers, all in seconds."""

    call_at_s: int = 960
    confirm_gap_s: int = 10
    slip_s: int = 300  # a time that moved by more than this breaks what was promised
    recover_s: int = 120
    back_within_s: int = 1800  # a skipped room keeps its lamp (held) if the truck is back within this time
    unknown_within_s: int = 1800  # a silent truck expected within this time makes a dark lamp say "no data"


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """When something becomes an alarm, and when it is none any more, in seconds; the counts have no unit."""

    truck_silent_s: int = 180  # a truck on a run says something every minute
    unit_silent_s: int = 900  # of a room's unit of which the broker says that it is lost
    broker_away_s: int = 30  # the bridge itself hears nobody
    together: int = 3  # so many that fall silent at once are one finding
    heard_before_s: int = 1200  # a truck is switched on so long before its run
    not_begun_s: int = 600  # a run is so late
    standing_s: int = 600  # a truck stands on the road, and its driver has not pressed
    not_out_s: int = 180  # a truck stands at a room, and its bins are inside
    misses_s: int = 1800  # a room will be reached so much later than planned
    gone_after_s: int = 60  # what was not so for this long has ended; what comes and goes within it is one alarm


@dataclass(frozen=True, slots=True)
class BookingSettings:
    """The numbers of bookings for renovation waste."""

    hold_s: int = 300  # a window that is held and not booked is free again
    days_ahead: int = 7  # windows of so many days are shown, today's among them
    window_s: int = 3600
    bag_litres: int = 50  # what one bag counts as


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is told of an incident for which reasons, and by which steps: duties and roles, the first at once."""

    name: str
    reasons: tuple[str, ...]
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """The addressees' numbers, all in seconds: what is not seen sounds on the screen, then the next are told."""

    sound_s: int = 15
    next_person_s: int = 60
    next_step_s: int = 300
    addressees: tuple[Addressee, ...] = (
        Addressee("dispatcher", ("lane_blocked", "breakdown"), ("dispatcher", "second", "supervisor")),
        Addressee("estate", ("lane_blocked",), ("property", "keeper", "dispatcher")),
        Addressee("contractor", (), ("contractor", "dispatcher")),  # asked by a decision, for whatever reason
    )

    def chain_of(self, name: str) -> tuple[str, ...]:
        """By which steps an addressee is told; a dispatcher tells one that is not listed any more."""
        return next((one.chain for one in self.addressees if one.name == name), ("dispatcher",))


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """The numbers of the whole dispatch; times in seconds."""

    calls: CallSettings = field(default_factory=CallSettings)
    stays: FirstStay = field(default_factory=FirstStay)
    streets: Streets = field(default_factory=Streets)
    alarms: AlarmSettings = field(default_factory=AlarmSettings)
    bookings: BookingSettings = field(default_factory=BookingSettings)
    answers: AnswerSettings = field(default_factory=AnswerSettings)
    open_before_s: int = 3600  # a run appears on the screen this long before its first planned arrival
    forget_after_s: int = 7200  # a bridge that starts this long after a run's last planned visit leaves it alone
    unload_s: int = 900  # what a full truck takes at the transfer station
    lane_clear_s: int = 1200  # what a blocked lane is expected to take until somebody says it is clear
    extra_comes_s: int = 1200  # when an extra truck is there of which nobody knows where it is or where it stands
    restate_s: int = 60  # arrivals and itineraries are sent again when an ETA moved this much
    update_s: int = 5  # predictions are made again this often without a new position
    bins_back_s: int = 2700  # emptied bins are weighed once they are back, so long after the truck left at the latest
