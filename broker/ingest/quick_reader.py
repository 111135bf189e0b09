"""The quick way in for what devices send: JSON that is checked while it is read, by the fields of firmware/wire.py.

`quick(address)` makes a function (payload) -> body. It answers None for whatever it is not sure of; `wire.unpack`
then decides and words the refusal. What it does say is what the wire says, with an equal body
(tests/wire/test_quick_reader.py), but for one thing: it does not look into values under keys it does not know, so a
number there that Python could not read refuses nothing. Its types are made from `wire.MESSAGES`: one protocol.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec

from firmware import wire

Quick = Callable[[bytes], dict[str, Any] | None]


class _NoQuickWayError(Exception):
    """A kind of value that has no counterpart here."""


def quick(address: wire.Address) -> Quick:
    """A function from the payload of a message at `address` to its body, or to None: ask `wire.unpack`."""
    decoder = _decoder(address.family, address.channel)
    if decoder is None:
        return lambda _: None
    item_field = wire.MESSAGES[address.family, address.channel][2]
    decode, device, item = decoder.decode, address.device, address.item

    def body_of(payload: bytes) -> dict[str, Any] | None:
        # Not ASCII: an unknown field could hide bytes that are no UTF-8 where this decoder does not look.
        if not payload.isascii() or len(payload) > wire.MAX_PAYLOAD_BYTES:
            return None
        try:
            body: dict[str, Any] = decode(payload)
        except (ValueError, RecursionError):
            return None
        if body.pop("device", device) != device or (item_field and body[item_field] != item):
            return None
        return body

    return body_of


@lru_cache(maxsize=32)
def _decoder(family: str, channel: str) -> msgspec.json.Decoder[Any] | None:
    if channel in wire.OPEN_CHANNELS:
        return None  # a decoder drops the keys it does not know
    try:
        return msgspec.json.Decoder(_object(wire.MESSAGES[family, channel][3], device=NotRequired[str]))
    except _NoQuickWayError:
        return None


def _object(fields: Any, **more: Any) -> Any:
    return TypedDict("Fields", more | {name: _type(kind) for name, kind in fields})  # type: ignore[operator]


def _type(kind: Any) -> Any:
    """The type of what one kind of the wire lets through."""
    match kind:
        case ("missing", inner):
            return NotRequired[_type(inner)]
        case ("null", inner):
            return _type(inner) | None
        case ("list", most, fields):
            entry = _object(fields)
            return Annotated[list[entry], msgspec.Meta(max_length=most)]  # type: ignore[valid-type]
        case ("int", low, high):
            return Annotated[int, msgspec.Meta(ge=low, le=high)]
        case ("float", low, high):
            return _type(("int", low, high)) | Annotated[float, msgspec.Meta(ge=low, le=high)]
        case ("text", most):
            return Annotated[str, msgspec.Meta(max_length=most)]
        case ("word", words):
            return Literal[words]
        case ("id",):
            pattern = rf"\A(?!\.)[{re.escape(wire.ID_LETTERS.decode())}]{{1,{wire.MAX_ID_BYTES}}}\Z"
            return Annotated[str, msgspec.Meta(pattern=pattern)]
        case ("bool",):
            return bool
    raise _NoQuickWayError(kind)
