"""From the edges of a bouncing contact to the gestures of DESIGN section 5; pure, time is passed in.

First the contact is debounced: a level counts once no edge has come for 30 ms, and it counts from that last edge.
Then the finger: it is there as soon as the contact is closed, and gone once the contact was open for 300 ms without a
closing that counts. A worn plunger or a shaking cab opens the contact within a hold; that ends nothing, and a press
that may withdraw cannot begin before the finger was away. A deadline that falls into such an opening waits for what
becomes of it. Then one table:

    up       nobody presses
    pressed  down for less than 1.5 s; letting go now is a short press (which may withdraw)
    held     1.5 s reached: the incident has been raised; 4 s are being waited for
    held_long  4 s reached: the incident has been made a breakdown; letting go ends the gesture
    stuck    60 s reached, or down when the program began: no finger does that. Reported once, then nothing the
             contact does counts until it has been let go

A program that was busy gets its edges late but with their true times, so deadlines are worked off in the order in
which they fell due and not when somebody looked. docs/gestures.md is drawn from the table (see diagram.py).
"""

DEBOUNCE_S = 0.03
AWAY_S = 0.3
HOLD_S = 1.5
HOLD_LONG_S = 4.0
STUCK_S = 60.0

BEGINS = "up"
# (state, trigger) -> (next state, gesture or None)
TRANSITIONS: dict[tuple[str, str], tuple[str, str | None]] = {
    ("up", "down"): ("pressed", None),
    ("pressed", "let_go"): ("up", "short"),
    ("pressed", "due"): ("held", "raise"),
    ("held", "let_go"): ("up", None),
    ("held", "due"): ("held_long", "escalate"),
    ("held_long", "let_go"): ("up", None),
    ("held_long", "due"): ("stuck", "stuck"),
    ("stuck", "let_go"): ("up", "freed"),
}
# state -> seconds after the press at which its `due` comes
DUE_S = {"pressed": HOLD_S, "held": HOLD_LONG_S, "held_long": STUCK_S}


class Gestures:
    """Feed `edge` and `advance`; each returns [(gesture, at_s)], gestures being short raise escalate stuck freed."""

    def __init__(self, down: bool = False) -> None:
        """`down`: the contact is closed already when the program begins."""
        self.state = "stuck" if down else BEGINS
        self._raw_down, self._raw_since_s = down, 0.0
        self._opened_s = 0.0  # when it opened last; an edge that says so once more changes nothing
        self._closed, self._closed_since_s = down, 0.0  # the debounced contact, and since when it is as it is
        self._finger = down
        self._pressed_s = 0.0

    def edge(self, down: bool, now_s: float) -> list[tuple[str, float]]:
        """An edge at `now_s` (monotonic seconds); returns the gestures that fell due by then."""
        made = self.advance(now_s)
        if self._raw_down and not down:
            self._opened_s = now_s
        self._raw_down = down
        self._raw_since_s = now_s
        return made + self.advance(now_s)  # a deadline that fell into an opening that has ended

    def advance(self, now_s: float) -> list[tuple[str, float]]:
        """The gestures that fell due up to `now_s`, each with its own time, in order."""
        made: list[tuple[str, float]] = []
        while True:
            due_s, trigger = self._next()
            if due_s is None or due_s > now_s:
                return made
            at_s = due_s
            if trigger == "settled":
                self._closed = self._raw_down
                self._closed_since_s = self._raw_since_s if self._closed else self._opened_s
                if self._finger or not self._closed:
                    continue  # an opening is not yet a finger that has left, nor a closing one that has come
                trigger = "down"
            if trigger in ("down", "let_go"):
                self._finger = trigger == "down"
                at_s = self._closed_since_s
                if self._finger:
                    self._pressed_s = at_s
            self.state, gesture = TRANSITIONS[(self.state, trigger)]
            if gesture:
                made.append((gesture, at_s))

    @property
    def wake_at_s(self) -> float | None:
        """When `advance` will have something to do, or None."""
        return self._next()[0]

    def _next(self) -> tuple[float | None, str]:
        """What comes next if no edge does: (when, "settled" | "let_go" | "due")."""
        if self._raw_down == self._closed == self._finger and self.state not in DUE_S:  # as it is nearly always
            return None, ""
        coming: list[tuple[float, str]] = []
        settling = self._raw_down != self._closed
        if settling:
            coming.append((self._raw_since_s + DEBOUNCE_S, "settled"))
        if self._finger and not self._closed:
            gone_s = self._closed_since_s + AWAY_S
            # A closing before then counts from its first moment, if it turns out to be one.
            if not (settling and self._raw_since_s < gone_s):
                coming.append((gone_s, "let_go"))
        if self.state in DUE_S and self._finger:
            due_s = self._pressed_s + DUE_S[self.state]
            if due_s < self._open_since_s():
                coming.append((due_s, "due"))
        return min(coming, default=(None, ""), key=lambda one: (one[0], one[1] != "due"))

    def _open_since_s(self) -> float:
        """Since when nobody can say that the finger is there."""
        if not self._closed:
            return self._closed_since_s
        return float("inf") if self._raw_down else self._opened_s
