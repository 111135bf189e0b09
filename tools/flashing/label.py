"""The label on the unit: what it is and when it was written, for eyes and for a phone's camera.

Each picture holds both: the QR code, and beside it the same in letters. A camera reads

    zp:AREA/FAMILY/ID?board=SERIAL&release=RELEASE        family: room or truck

which is no address to be opened and no secret: whoever stands before the unit can tell the office which one it is.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import segno

from tools.flashing.errors import FlashError
from tools.flashing.lettering import ROWS, Picture, width_of
from tools.flashing.settings import FlashSettings

QUIET = 4  # modules of white around a QR code, by its standard
MODULE_MM = 0.8
MODULE_DOTS, TITLE_DOTS, LINE_DOTS = 8, 6, 3  # of the PNG: a module, and a dot of the id and of the other lines


@dataclass(frozen=True)
class Label:
    """What stands on it; `written_on` is a date, 2026-11-22."""

    area: str
    device: str
    family: str
    board: str
    release: str
    written_on: str

    @property
    def code(self) -> str:
        """The text in the QR code; no secret, and no address that may move."""
        return f"zp:{self.area}/{self.family}/{self.device}?board={self.board}&release={self.release}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The printed lines, the largest first."""
        return (
            self.device,
            f"{self.area} · {self.family}",
            f"board {self.board}",
            f"release {self.release}",
            self.written_on,
        )


def make_label(settings: FlashSettings, family: str, device: str, board: str, release: str, at: float) -> list[str]:
    """Writes the label of what was flashed at this moment, and returns its files; raises FlashError."""
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    try:
        written = write_label(Label(settings.area, device, family, board, release, day), settings.labels)
    except OSError as error:
        raise FlashError("ledger", file=settings.labels, what=error.strerror or str(error)) from error
    return [str(path) for path in written]


def write_label(label: Label, folder: Path) -> list[Path]:
    """Writes `<family>-<id>.svg`, `.png` and `.txt` and returns their paths; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / f"{label.family}-{label.device}"
    code = segno.make(label.code, error="m", micro=False)
    files = {".svg": _svg(label, code).encode(), ".png": drawn(label, code).png(), ".txt": _text(label, code).encode()}
    written = []
    for suffix, data in files.items():
        path = base.with_name(base.name + suffix)
        path.write_bytes(data)
        written.append(path)
    return written


def drawn(label: Label, code: segno.QRCode) -> Picture:
    """The picture for a label printer: the code, and its text in letters that are read at arm's length."""
    side = int(code.symbol_size(border=QUIET)[0]) * MODULE_DOTS
    sizes = [TITLE_DOTS if number == 0 else LINE_DOTS for number in range(len(label.lines))]
    text_width = max(width_of(line, dot) for line, dot in zip(label.lines, sizes, strict=True))
    picture = Picture(side + text_width + QUIET * MODULE_DOTS, side)
    for y, row in enumerate(code.matrix):
        for x, dark in enumerate(row):
            if dark:
                picture.square((x + QUIET) * MODULE_DOTS, (y + QUIET) * MODULE_DOTS, MODULE_DOTS)
    top = QUIET * MODULE_DOTS
    for line, dot in zip(label.lines, sizes, strict=True):
        picture.write(line, side, top, dot)
        top += (ROWS + 2) * dot
    return picture


def _text(label: Label, code: segno.QRCode) -> str:
    drawn = io.StringIO()
    code.terminal(out=drawn, border=2, compact=True)
    return "\n".join([*label.lines, label.code, ""]) + "\n" + drawn.getvalue()


def _svg(label: Label, code: segno.QRCode) -> str:
    side = code.symbol_size(border=QUIET)[0]
    size_mm = side * MODULE_MM
    rows = []
    for y, row in enumerate(code.matrix):
        rows += [f"M{x + QUIET},{y + QUIET}h1v1h-1z" for x, dark in enumerate(row) if dark]
    text_at = side + 1
    lines = [
        f'<text x="{text_at}" y="{7 + 5 * number}" font-size="{5 if number == 0 else 3}">{_escaped(line)}</text>'
        for number, line in enumerate(label.lines)
    ]
    width = side + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * MODULE_MM:.1f}mm" height="{size_mm:.1f}mm"'
        f' viewBox="0 0 {width} {side}"><rect width="100%" height="100%" fill="#fff"/>'
        f'<path d="{"".join(rows)}" fill="#000"/><g font-family="sans-serif" fill="#000">{"".join(lines)}</g></svg>\n'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
