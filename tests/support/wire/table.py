"""Messages made from the wire's own table: the least of each kind, and those with one value just beyond its bounds."""

from collections.abc import Iterator
from typing import Any

from firmware import wire

Kind = tuple[str, str]  # family, channel


def least(kind: Any) -> Any:
    """One value that a kind lets through."""
    what, *more = kind
    return {
        "null": lambda _: None, "missing": least, "int": lambda low, _: low, "float": lambda low, _: low,
        "text": lambda _: "", "word": lambda words: words[0], "id": lambda *_: "a", "bool": lambda: False,
        "ranges": lambda *_: [], "list": lambda _, fields: [{name: least(inner) for name, inner in fields}],
    }[what](*more)  # fmt: skip


def beyond(kind: Any) -> list[Any]:
    """Values just beyond a kind's bounds."""
    what, *more = kind
    if what in ("null", "missing"):
        return beyond(more[0])
    if what in ("int", "float"):
        return [more[0] - 1, more[1] + 1, more[0] - 0.5, more[1] + 0.5, True, False]
    return {
        "text": lambda most: ["x" * (most + 1)], "word": lambda words: [words[0] + "s", ""],
        "id": lambda: ["", ".a", "a\n", "a/b", "a" * 65, "\u00e9"], "bool": lambda: [0, 1],
        "ranges": lambda most, _: [[[2, 1]], [[1]], [[0, 1]] * (most + 1)],
        "list": lambda most, _: [least(kind) * (most + 1), [None], {}],
    }[what](*more)  # fmt: skip


def topic_of(kind: Kind, body: dict[str, Any]) -> str:
    """A topic that this body belongs to."""
    family, channel = kind
    item = wire.MESSAGES[kind][2]
    device = {"truck": "t07", "room": "r01", "bridge": ""}[family]
    return wire.topic(channel, "xh", device, body[item] if item else "", family)


def spoilt(fields: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(field, object) with one value just beyond its bounds, for each field and each of its bounds."""
    good = {name: least(kind) for name, kind in fields}
    for name, kind in fields:
        for value in beyond(kind):
            yield name, {**good, name: value}
        if kind[0] == "list":
            for inner, entry in spoilt(kind[2]):
                yield f"{name}[0].{inner}", {**good, name: [entry]}


def all_spoilt(kind: Kind) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(topic, field, body) of one kind of message, for each field and each of its bounds."""
    fields: Any = wire.MESSAGES[kind][3]
    topic = topic_of(kind, {name: least(inner) for name, inner in fields})
    for field, body in spoilt(fields):
        yield topic, field, body
