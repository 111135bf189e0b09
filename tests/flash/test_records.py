"""Ledger and label: what remains when the technician has left."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from firmware import wire
from tools.flashing import ledger
from tools.flashing.commands.screen import Screen
from tools.flashing.errors import FlashError
from tools.flashing.label import LINE_DOTS, MODULE_DOTS, QUIET, TITLE_DOTS, Label, write_label
from tools.flashing.lettering import COLUMNS, DOTS, ROWS

LABEL = Label("xh", "r07", "room", "a1b2c3", "0123456789ab", "2026-11-22")


def test_a_line_is_added_and_none_is_changed(tmp_path: Path) -> None:
    """Each line stays byte for byte what it was."""
    file = tmp_path / "ledger.jsonl"
    ledger.append(file, {"id": "r01", "board": "a"})
    first = file.read_bytes()
    ledger.append(file, {"id": "r02", "board": "b"})
    assert file.read_bytes().startswith(first)
    lines, bad = ledger.read(file)
    assert ([line["id"] for line in lines], bad) == (["r01", "r02"], 0)
    assert ledger.last_of(lines, "r01") == {"id": "r01", "board": "a"}
    assert ledger.last_of(lines, "r09") is None


def test_half_a_line_is_kept_and_counted(tmp_path: Path) -> None:
    """After a power cut in the middle of a line the next one begins on its own."""
    file = tmp_path / "ledger.jsonl"
    file.write_text('{"id": "r01"}\n{"id": "r0')
    ledger.append(file, {"id": "r03"})
    lines, bad = ledger.read(file)
    assert ([line["id"] for line in lines], bad) == (["r01", "r03"], 1)
    assert '{"id": "r0\n' in file.read_text()


def test_secrets_have_no_place_in_a_ledger(tmp_path: Path) -> None:
    """A field that sounds like a secret is a programming error."""
    with pytest.raises(AssertionError):
        ledger.append(tmp_path / "ledger.jsonl", {"wifi_password": "x"})


def test_a_ledger_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The unit is written by then; the sentence says so."""
    (tmp_path / "ledger.jsonl").mkdir()
    with pytest.raises(FlashError) as caught:
        ledger.append(tmp_path / "ledger.jsonl", {"id": "r01"})
    assert caught.value.problem == "ledger"


def test_no_ledger_yet_is_an_empty_one(tmp_path: Path) -> None:
    """The first unit of an area has no predecessors."""
    assert ledger.read(tmp_path / "none.jsonl") == ([], 0)


def test_the_label_says_what_a_camera_and_an_eye_need(tmp_path: Path) -> None:
    """SVG, PNG and text carry the same code and lines."""
    svg, png, text = write_label(LABEL, tmp_path / "labels")
    assert png.read_bytes().startswith(b"\x89PNG")
    drawn = svg.read_text()
    assert drawn.startswith("<svg")
    for line in LABEL.lines:
        assert line in drawn
        assert line in text.read_text()
    assert LABEL.code in text.read_text()
    assert LABEL.code == "zp:xh/room/r07?board=a1b2c3&release=0123456789ab"


def test_the_labels_modules_are_those_of_the_code(tmp_path: Path) -> None:
    """The SVG's path has one square for each dark module of the QR code."""
    import segno

    svg = write_label(LABEL, tmp_path)[0].read_text()
    dark = sum(sum(row) for row in segno.make(LABEL.code, error="m", micro=False).matrix)
    assert svg.count("h1v1h-1z") == dark


def test_the_picture_can_be_read_without_a_camera(tmp_path: Path) -> None:
    """What stands beside the code in the PNG is the label's lines, letter by letter; a long id is not cut off."""
    import segno

    for device in ("r07", "Zg_9.q-" * 9):
        label = replace(LABEL, device=device)
        png = write_label(label, tmp_path)[1].read_bytes()
        width, height = struct.unpack(">II", png[16:24])
        start = png.index(b"IDAT") + 4
        data = zlib.decompress(png[start : start + struct.unpack(">I", png[start - 8 : start - 4])[0]])
        stride = (width + 7) // 8 + 1
        assert len(data) == stride * height

        def black(x: int, y: int, data: bytes = data, stride: int = stride) -> bool:
            return not data[y * stride + 1 + x // 8] >> (7 - x % 8) & 1

        code = segno.make(label.code, error="m", micro=False)
        side, top = code.symbol_size(border=QUIET)[0] * MODULE_DOTS, QUIET * MODULE_DOTS
        for y, row in enumerate(code.matrix):
            read = [black((x + QUIET) * MODULE_DOTS + 3, (y + QUIET) * MODULE_DOTS + 3) for x in range(len(row))]
            assert read == [bool(dark) for dark in row]
        for number, line in enumerate(label.lines):
            dot = LINE_DOTS if number else TITLE_DOTS
            assert _read(black, side, top, dot, width) == line
            top += (ROWS + 2) * dot
        assert top <= height


def _read(black: Callable[[int, int], bool], left: int, top: int, dot: int, width: int) -> str:
    """The letters of a line of the picture, by their dots."""
    names, text = {dots: letter for letter, dots in DOTS.items()}, ""
    while left + COLUMNS * dot < width:
        x, y = left + dot // 2, top + dot // 2
        seen = [[black(x + c * dot, y + r * dot) for c in range(COLUMNS)] for r in range(ROWS)]
        text += names[bytes(sum(on << (COLUMNS - 1 - c) for c, on in enumerate(row)) for row in seen)]
        left += (COLUMNS + 1) * dot
    return text.rstrip()


def test_no_two_letters_look_the_same() -> None:
    """Every character that an id may have is drawn, each in its own way."""
    assert set(wire.ID_LETTERS.decode()) <= set(DOTS)
    assert len(set(DOTS.values())) == len(DOTS)
    assert all(len(dots) == ROWS and max(dots) < 2**COLUMNS for dots in DOTS.values())


def test_the_ledger_command_shows_one_id(tmp_path: Path) -> None:
    """`ledger --id` filters, with --json as lines."""
    from tests.support.flashing import Workshop

    workshop = Workshop(tmp_path)
    for device in ("r01", "r02", "r01"):
        ledger.append(tmp_path / "ledger.jsonl", {"id": device})
    code, told, _ = workshop.flash("ledger", "--id", "r01")
    assert (code, len(told["lines"]), told["unreadable"]) == (0, 2, 0)
    assert json.dumps(told)


def test_a_port_is_shown_whole_where_the_terminal_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what is typed next; of the others nothing is lost either."""
    monkeypatch.setenv("COLUMNS", "80")
    port, runs = "/home/technician/zhanpai/sim/ports/binroom-01", "linux [GCC 14.2.1] version, MicroPython 1.29.0"
    out = io.StringIO()
    Screen(as_json=False, stdout=out, stderr=io.StringIO()).table("Ports", ("port", "runs"), [(port, runs)])
    assert port in out.getvalue() and "…" not in out.getvalue() and "1.29.0" in out.getvalue()


def test_the_readme_names_every_step_of_the_self_test() -> None:
    """The list of what needs hardware is the self test's own."""
    from tests.support.flashing import REPO
    from tools.flashing.board.selftest import TESTS

    readme = (REPO / "packaging/README.md").read_text()
    assert [test.name for test in TESTS if f"| {test.name} | {test.needs} |" not in readme] == []
