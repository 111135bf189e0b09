"""What the host's bytes mean for the prompt: whether it is raw, and whether the last Ctrl-D asked for a soft reset.

Pure; fed with every byte the interpreter took.

| byte | friendly prompt | raw prompt |
| --- | --- | --- |
| Ctrl-A | becomes raw | stays raw |
| Ctrl-B | stays | becomes friendly |
| Ctrl-C | drops what was typed | drops what was typed |
| Ctrl-D | soft reset if nothing was typed | soft reset if nothing was typed, else runs it |
| Ctrl-E A Ctrl-A | (typed) | a raw-paste command follows |
| Enter | runs the line | is part of the command |
"""

CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E, ENTER, NEWLINE = 1, 2, 3, 4, 5, 13, 10
_PASTE_HEADER_REST = 2  # "A" and Ctrl-A after Ctrl-E


class Keyboard:
    """Follows one session; `raw` and `soft_reset` say what a board would think now."""

    def __init__(self, *, raw: bool = False) -> None:
        self.raw = raw
        self.soft_reset = False
        self._typed = False
        self._header_left = 0

    def feed(self, data: bytes) -> None:
        """Takes the bytes in the order they were typed."""
        for byte in data:
            if self._header_left:
                self._header_left -= 1
                continue
            self._key(byte)

    def _key(self, byte: int) -> None:
        if byte == CTRL_D:
            self.soft_reset = not self._typed
            self._typed = False
            return
        self.soft_reset = False
        if byte in (CTRL_A, CTRL_B, CTRL_C):
            self._typed = False
            if byte != CTRL_C:
                self.raw = byte == CTRL_A
        elif byte == CTRL_E:
            self._typed = True
            self._header_left = _PASTE_HEADER_REST if self.raw else 0
        elif byte in (ENTER, NEWLINE):
            self._typed = self._typed and self.raw
        else:
            self._typed = True
