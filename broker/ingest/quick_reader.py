"""The quick way in for what devices send: JSON that is checked while it is read, by the shapes of firmware/wire.py.

`quick(address)` makes a function (payload) -> body. It answers None for whatever it is not sure of; `wire.unpack`
then decides and words the refusal. What it does say is what the wire says, with an equal body
(tests/wire/test_quick_reader.py), but for one thing: it does not look into values under keys it does not know, so a
number there that Python could not read refuses nothing. The bounds are read out of the wire's own checks: one protocol.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import msgspec

from firmware import wire

Quick = Callable[[bytes], dict[str, Any] | None]


class _NoQuickWayError(Exception):
    """A check that has no counterpart here."""


def quick(address: wire.Address) -> Quick:
    """A function from the payload of a device's message at `address` to its body, or to None: ask `wire.unpack`."""
    _, _, item_field, shape = wire._KINDS[(address.family, address.channel)]
    decoder = _decoder(shape)
    if decoder is None:
        return lambda _: None
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
def _decoder(shape: str) -> msgspec.json.Decoder[Any] | None:
    try:
        return msgspec.json.Decoder(_typed(shape, wire._shape(shape), top=True))
    except _NoQuickWayError:
        return None


def _typed(name: str, fields: Any, *, top: bool = False) -> Any:
    """The TypedDict of one shape of the wire."""
    types: dict[str, Any] = {"device": NotRequired[str]} if top else {}
    for field, check, flags in fields:
        kind = _type(check)
        if "0" in flags:
            kind = kind | None
        types[field] = NotRequired[kind] if "?" in flags else kind
    return TypedDict(name, types)  # type: ignore[operator]


def _type(check: Any) -> Any:
    """The type of what one check of the wire lets through."""
    if isinstance(check, tuple):
        entry = _typed("entry", check)
        return Annotated[list[entry], msgspec.Meta(max_length=1000)]  # type: ignore[valid-type]
    if check is wire._boolean:
        return bool
    if check is wire._id:
        return Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z")]
    cells = [cell.cell_contents for cell in check.__closure__ or ()]
    values = dict(zip(check.__code__.co_freevars, cells, strict=True))
    if _made_by(check, wire._integer):
        return Annotated[int, msgspec.Meta(ge=values["low"], le=values["high"])]
    if _made_by(check, wire._number):
        bounds = msgspec.Meta(ge=values["low"], le=values["high"])
        return Annotated[int, bounds] | Annotated[float, bounds]
    if _made_by(check, wire._text):
        return Annotated[str, msgspec.Meta(max_length=values["high"])]
    if _made_by(check, wire._word):
        return Literal[tuple(values["words"])]
    raise _NoQuickWayError(check)


def _made_by(check: Any, maker: Any) -> bool:
    return bool(check.__qualname__ == f"{maker.__name__}.<locals>.check")
