"""A CSV file's bytes as text: in which encoding it is, what separates its cells, and what is no CSV at all."""

import re

from broker.registers.errors import Invalid, Problem

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*\r?\n?', re.IGNORECASE)
_NO_TABLE = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls), or one with a password"),
    (b"<", "a web page or an XML file"),
    (b"%PDF", "a PDF"),
    (b"PK\x05\x06", "a .zip that is no workbook"),
)
_UTF_32 = ((b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"))
_UTF_16 = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")  # what GB 18030 makes of a file in another of the old encodings
_BEYOND_LATIN = 0x2000  # the characters of Chinese text come after it
_TELLING = 2  # so many of them in UTF-8 are no accident


def decode(content: bytes) -> tuple[str, str]:
    """(text, encoding) of a CSV file; Invalid for what is no text, or in an encoding that would be a guess."""
    for mark, kind in _NO_TABLE:
        if content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(mark):
            raise Invalid([Problem("", "no_table", {"kind": kind})])
    name = next((name for mark, name in (*_UTF_32, *_UTF_16) if content.startswith(mark)), None)
    if name is None and content[:200].count(0) * 4 > len(content[:200]):
        name = "utf-16-be" if content[:1] == b"\x00" else "utf-16-le"
    names = (name,) if name is not None else ("utf-8-sig", "gb18030")
    offset = 0
    for name in names:
        try:
            text = content.decode(name)
        except UnicodeDecodeError as error:
            offset = error.start
            if name == "utf-8-sig" and _is_utf_8(content[:offset]):
                break  # it is UTF-8 with a damaged place: as GB 18030 all of it would be rubbish
            continue
        if name == "gb18030" and _PRIVATE_USE.search(text):
            offset = len(text[: _PRIVATE_USE.search(text).start()].encode(name))  # type: ignore[union-attr]
            break
        return text.removeprefix("\ufeff"), "utf-8" if name == "utf-8-sig" else name[:6] if "utf-16" in name else name
    line = content.count(b"\n", 0, offset) + 1
    raise Invalid([Problem("", "sheet_encoding", {"offset": str(offset)}, row=line)])


def _is_utf_8(before: bytes) -> bool:
    """Whether what stands before a damaged place is Chinese in UTF-8 beyond an accident."""
    beyond = [char for char in before.decode("utf-8", "ignore") if ord(char) >= 0x80]
    return len(beyond) >= _TELLING and all(ord(char) >= _BEYOND_LATIN for char in beyond)


def separated(text: str) -> tuple[str, str, int]:
    """(separator, the table's text, lines before it): spreadsheets may say the separator in a line of its own."""
    told = _SEPARATOR_LINE.match(text)
    if told is not None:
        return told[1], text[told.end() :], 1
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count), text, 0
