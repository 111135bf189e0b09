"""What was said, kept as the text it was said in: a tenth of what its parts take, read again whenever it is asked."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson


class Spoken(Mapping[str, Any]):
    """The body of a message; the same mapping as what its text says."""

    __slots__ = ("_text",)

    def __init__(self, text: bytes) -> None:
        self._text = text

    @property
    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = orjson.loads(self._text)
        return said

    def __getitem__(self, key: str) -> Any:
        return self._said[key]

    def get(self, key: str, default: Any = None) -> Any:
        """What is said of this, or the default."""
        return self._said.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)

    def __repr__(self) -> str:
        return repr(self._said)
