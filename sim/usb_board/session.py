"""From one boot of a virtual board to the next: what the host may see of it, and when the interpreter takes a key.

The interpreter prints its up-mark first; what is printed before is a complaint of the bootstrap. A soft reset out of
raw mode ends in raw mode: the interpreter is asked for it, and its friendly banner is not shown.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.usb_board.keyboard import CTRL_A, CTRL_C, Keyboard
from sim.usb_board.terminal import Terminal

UP_MARK = "\x16zp-up\x16"
INTERRUPT_WAIT_S = 2.0


class Session:
    """One boot; `waiting` is typed and not taken yet."""

    def __init__(self, monotonic: Callable[[], float], *, raw: bool = False) -> None:
        self.waiting = bytearray()
        self.keyboard = Keyboard(raw=raw)
        self._monotonic = monotonic
        self._up = False
        self._raw_wanted = raw
        self._raw_asked = False
        self._early = bytearray()  # printed before the host may see it
        self._hold_until: float | None = None

    def from_board(self, data: bytes) -> bytes:
        """What the host sees now that the board printed `data`."""
        if self._up and not self._raw_wanted:
            return data
        self._early += data
        shown = b""
        if not self._up:
            before, mark, after = bytes(self._early).partition(UP_MARK.encode())
            if not mark:
                return b""
            self._up = True
            shown = before  # only a complaint of the bootstrap
            self._early = bytearray(after)
        if self._raw_wanted:
            start = self._early.find(b"raw REPL")  # the friendly banner before it is not a board's
            if start < 0:
                return shown
            del self._early[:start]
            self._raw_wanted = False
        shown += bytes(self._early)
        self._early.clear()
        return shown

    def to_board(self, terminal: Terminal) -> None:
        """Give the interpreter what it takes of what waits."""
        if not self._up:
            return
        if self._raw_wanted:
            if not self._raw_asked and terminal.ready_for_input():
                self._raw_asked = terminal.write(bytes([CTRL_A])) == 1
            return
        while self.waiting:
            if self._hold_until is not None:
                # After a Ctrl-C into running code, what follows must find the prompt.
                if not terminal.ready_for_input() and self._monotonic() < self._hold_until:
                    return
                self._hold_until = None
            interrupt = self.waiting.find(CTRL_C)
            if interrupt == 0:
                if not terminal.ready_for_input():
                    self._hold_until = self._monotonic() + INTERRUPT_WAIT_S
                taken = terminal.write(bytes([CTRL_C]))
            else:
                taken = terminal.write(bytes(self.waiting if interrupt < 0 else self.waiting[:interrupt]))
            if not taken:
                return
            self.keyboard.feed(bytes(self.waiting[:taken]))
            del self.waiting[:taken]
