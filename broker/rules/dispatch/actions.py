"""What a person may do, as plain words that the screen, the commands and the simulator share."""

from dataclasses import dataclass

from broker.rules.bookings.asked import BookingDeed

ACTIONS = (
    "acknowledge", "decide", "clear", "resolve", "estate_ack", "answer", "serve", "skip", "note", "weigh", "command",
    "full", "emptied", "close_road", "open_road", "booking",
    "keeper",
)  # fmt: skip
ALARM_DEEDS = {  # as they stand in an address: what the record calls it
    "see": "see_alarm", "shelve": "shelve_alarm", "unshelve": "unshelve_alarm", "out-of-service": "take_out_alarm",
    "back": "put_back_alarm",
}  # fmt: skip
ALARM_ACTIONS = tuple(ALARM_DEEDS.values())
ANSWER_DEEDS = {"seen": "see", "promise": "promise", "done": "finish", "refuse": "refuse", "on-the-way": "set_out"}
COMMANDS = {"truck": ("rebirth", "identify"), "room": ("rebirth", "identify", "calibrate", "reset")}  # family: known


@dataclass(frozen=True, slots=True)
class Act:
    """One action of one person on an incident (`truck`, `incident_id`) or, for serve, skip and note, on a visit; `note`
    says how much does not belong there (`grade`, 0 for nothing) and what that is (`reason`); `weigh`
    keeps what the transfer station weighed of a truck's load (`truck`, `waste`, `grams`, `run_id` where known);
    `full` and `emptied` are about the truck of `run_id`; `close_road` closes a `room`, or the street between it and
    `other_room`, from `from_at` to `until_at`, `open_road` ends that (`closure`);
    `answer` is what an `addressee` says: `see`, `promise` (`until_at`), `finish`, `refuse` (`reason`), `set_out`;
    `version`, where given, is then its row's.
    `command` sends one of `COMMANDS` to a `device` (family, id), `calibrate` with `waste` and `grams`; one of
    `ALARM_ACTIONS` is about an `alarm` (its id), which goes on a shelf for `shelf_s`;
    `booking` does one of the deeds of bookings/deeds.py;
    `keeper` says of a `room` what its button would say (`event`, one of the wire's);
    `acted_at` is when it was done, of what is sent later, and `clock_off_s` by how much the clock was off that said so.

    `version`, where given, must be the incident's newest but for repeats of the alarm, so that of two clicks on an
    old screen one is refused.
    """

    action: str
    who: str
    incident: tuple[str, str] | None = None
    visit: tuple[str, str, int] | None = None
    decision: str | None = None
    reason: str | None = None
    option: int = 0  # of the offers shown last, counted from 0 ...
    offer: str | None = None  # ... or the id of the one that was looked at
    truck: str | None = None
    version: int | None = None
    waste: str | None = None
    grams: int | None = None
    run_id: str | None = None
    grade: int | None = None
    device: tuple[str, str] | None = None
    command: str | None = None
    alarm: str | None = None
    shelf_s: int | None = None
    why: str | None = None
    room: str | None = None
    other_room: str | None = None
    from_at: int | None = None
    closure: str | None = None
    booking: BookingDeed | None = None
    addressee: str | None = None  # whose answer it is; of `clear`: who says so
    answer: str | None = None
    event: str | None = None
    until_at: int | None = None
    acted_at: int | None = None
    clock_off_s: int | None = None


class ActionError(ValueError):
    """An action that cannot be done; the text says why and what can. `missing`: no such thing; `away`: not now;
    `not_yet`: what it needs is being worked out, so that it can be tried again in a moment."""

    def __init__(
        self, text: str, *, missing: bool = False, stale: bool = False, away: bool = False, not_yet: bool = False
    ) -> None:
        super().__init__(text)
        self.not_yet = not_yet
        self.away = away
        self.missing = missing
        self.stale = stale
