"""What typed bytes mean for a virtual board's prompt."""

import pytest

from sim.usb_board.keyboard import Keyboard


@pytest.mark.parametrize(
    ("raw", "typed", "is_raw", "soft_reset"),
    [
        (False, b"\x04", False, True),
        (False, b"print(1)\r\x04", False, True),
        (False, b"print(1)\x04", False, False),
        (False, b"\x01\x04", True, True),
        (True, b"\x04", True, True),
        (True, b"print(1)\x04", True, False),
        (True, b"print(1)\r\n\x04", True, False),
        (True, b"print(1)\x04\x04", True, True),
        (True, b"half a line\x03\x04", True, True),
        (True, b"\x05A\x01\x04", True, False),
        (True, b"\x05A\x01print(1)\x04", True, False),
        (True, b"\x02\x04", False, True),
        (True, b"\r\x03\r\x01", True, False),
    ],
)
def test_a_soft_reset_is_ctrl_d_where_nothing_was_typed(
    raw: bool, typed: bytes, is_raw: bool, soft_reset: bool
) -> None:
    """Ctrl-D asks for a soft reset only at an empty prompt, and the raw mode follows Ctrl-A and Ctrl-B."""
    keyboard = Keyboard(raw=raw)
    keyboard.feed(typed)
    assert (keyboard.raw, keyboard.soft_reset) == (is_raw, soft_reset)


def test_it_does_not_matter_how_the_bytes_are_cut() -> None:
    """Fed byte by byte the keyboard thinks the same as fed at once."""
    typed = b"\r\x03\r\x01\x05A\x01x=1\x04\x04"
    whole, single = Keyboard(), Keyboard()
    whole.feed(typed)
    for byte in typed:
        single.feed(bytes([byte]))
    assert (whole.raw, whole.soft_reset) == (single.raw, single.soft_reset) == (True, True)
