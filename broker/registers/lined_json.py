"""A JSON reader that remembers the line of every field and refuses what `json` lets pass.

Refused: a key twice in one object, NaN and Infinity, nesting deeper than any register, text after the end.
It is only used on files other hands have touched; a file this program wrote is known by its etag.
"""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from broker.registers.errors import Invalid, Problem

MAX_DEPTH = 16
SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
MAX_DIGITS = 40
WORDS: tuple[tuple[str, Any], ...] = (("null", None), ("true", True), ("false", False))

Path = tuple[str | int, ...]


class LinedJson:
    """`value` is the parsed text, `line_of(path)` the line on which a field (or its nearest parent) starts."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._offsets: dict[Path, int] = {}
        self.value = self._read((), 0)
        self._skip()
        if self._at != len(text):
            self._refuse("extra data after the end of the JSON value", ())

    def line_of(self, path: Path) -> int:
        """The line (from 1) of the field at `path`, or of the nearest enclosing field that exists."""
        while path and path not in self._offsets:
            path = path[:-1]
        return self._line(self._offsets.get(path, 0))

    def _line(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + 1

    def _skip(self) -> None:
        match = SPACE.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _peek(self) -> str:
        self._skip()
        return self._text[self._at : self._at + 1]

    def _refuse(self, message: str, path: Path) -> None:
        place = "/".join(str(part) for part in path)
        raise Invalid([Problem(place, "json", {"message": message}, line=self._line(min(self._at, len(self._text))))])

    def _string(self, path: Path) -> str:
        try:
            text, self._at = scanstring(self._text, self._at + 1, True)
        except json.JSONDecodeError as error:
            self._at = error.pos
            self._refuse(error.msg, path)
        if any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
            self._refuse("half of a surrogate pair is not a character", path)
        return str(text)

    def _read(self, path: Path, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self._refuse(f"nested deeper than {MAX_DEPTH} levels", path)
        sign = self._peek()
        self._offsets[path] = self._at
        if sign == "{":
            return self._object(path, depth)
        if sign == "[":
            return self._array(path, depth)
        if sign == '"':
            return self._string(path)
        for word, value in WORDS:
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        match = NUMBER.match(self._text, self._at)
        if match is None or len(match.group()) > MAX_DIGITS:
            self._refuse("not a JSON value" if sign else "the file ends in the middle", path)
        assert match is not None
        self._at = match.end()
        return float(match.group()) if match.group(1) or match.group(2) else int(match.group())

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return result
        while True:
            if self._peek() != '"':
                self._refuse("a field name in double quotes is expected here", path)
            start = self._at
            key = self._string(path)
            if key in result:
                self._at = start
                self._refuse(f"the field {key!r} stands twice in one record", (*path, key))
            if self._peek() != ":":
                self._refuse(f"a colon is expected after {key!r}", (*path, key))
            self._at += 1
            result[key] = self._read((*path, key), depth + 1)
            self._offsets[(*path, key)] = start
            if self._end_of_item("}", path):
                return result

    def _array(self, path: Path, depth: int) -> list[Any]:
        result: list[Any] = []
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return result
        while True:
            result.append(self._read((*path, len(result)), depth + 1))
            if self._end_of_item("]", path):
                return result

    def _end_of_item(self, closing: str, path: Path) -> bool:
        sign = self._peek()
        if sign not in (",", closing) or not sign:
            self._refuse(f"a comma or {closing} is expected here" if sign else "the file ends in the middle", path)
        self._at += 1
        return sign == closing
