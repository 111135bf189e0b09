"""Two light beams that count bins in and out."""

from firmware.binroom.constant import TICKS_MASK, const

_BEAM_GAP_MS = const(300)  # a bin's wheels and lid break the beam several times
_BEAM_BLOCKED_MS = const(60000)


class Beam:
    """Two light beams: every interruption of one counts a bin in, of the other a bin out."""

    is_cell = False
    grams = None

    def __init__(self, board, in_pin, out_pin, count):
        self.count = count
        self.quality = 0
        self.reason = ""
        self._board = board
        self._edges = [0, 0]
        self._edge_at = [None, None]
        self._low_since = [None, None]
        # The handlers run in interrupt context: they only count and compare integers.
        self._pins = [
            board.input_pin(in_pin, lambda _pin: self._edge(0)),
            board.input_pin(out_pin, lambda _pin: self._edge(1)),
        ]

    def _edge(self, side):
        now_ms = self._board.ticks_ms()
        last = self._edge_at[side]
        if last is None or (now_ms - last) & TICKS_MASK >= _BEAM_GAP_MS:
            self._edges[side] += 1
        self._edge_at[side] = now_ms

    def poll(self, now_ms):
        """Add up what the beams saw since the last call."""
        levels = [pin.value() for pin in self._pins]
        moved = self._edges[0] - self._edges[1]
        self._edges[0] = 0
        self._edges[1] = 0
        self.count = max(0, self.count + moved)
        blocked = False
        for side in (0, 1):
            if levels[side]:
                self._low_since[side] = None
            elif self._low_since[side] is None:
                self._low_since[side] = now_ms
            elif (now_ms - self._low_since[side]) & TICKS_MASK >= _BEAM_BLOCKED_MS:
                blocked = True
        was = self.quality
        self.quality = 3 if blocked else 0
        self.reason = "a beam has been dark for a minute; clear it or clean its lens" if blocked else ""
        return moved != 0 or was != self.quality
