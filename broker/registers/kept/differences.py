"""The difference of two versions of a register, by id and field, and how it is told in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from broker.registers.kept.canonical import item_key
from broker.registers.words import WORDS, field_word, value_word

# These never reach a log or a viewer; the kept versions hold them until retention removes them.
PERSONAL_FIELDS = frozenset({"name", "birth_date", "note"})  # of a member
PERSONS = frozenset({"first_responsible", "liaison_cadre"})  # of an area or a body
MASK = "***"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; None for `old` or `new` means it was not stated (or the record not there)."""

    path: str
    old: Any
    new: Any

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"path": self.path, "old": self.old, "new": self.new}


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """All fields that differ, in order of path."""
    return list(_walk(dict(old), dict(new), ""))


def _walk(old: Any, new: Any, path: str) -> Iterator[Change]:
    if old == new and type(old) is type(new):
        return
    old_items, new_items = _named(old), _named(new)
    if old_items is not None and new_items is not None:
        for key in sorted(old_items.keys() | new_items.keys()):
            below = f"{path}/{key}" if path else key
            yield from _walk(old_items.get(key), new_items.get(key), below)
        return
    if _is_nothing(old) and _is_nothing(new):
        return
    yield Change(path, old, new)


def _is_nothing(value: Any) -> bool:
    return value is None or value in ({}, [])


def _named(value: Any) -> dict[str, Any] | None:
    """The children of a record or of a list of records by name; None for plain values."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list):
        keys = [item_key(item) for item in value]
        if None not in keys and len(set(keys)) == len(keys):
            return {str(key): item for key, item in zip(keys, value, strict=True)}
    return None


def is_personal(path: str) -> bool:
    """Whether a path names a personal fact of a member, or a person who answers for an area or an election."""
    parts = path.split("/")
    return parts[-1] in PERSONS or ("members" in parts and parts[-1] in PERSONAL_FIELDS)


def masked(value: Any, path: str = "") -> Any:
    """A copy in which members' personal facts are replaced by `***`."""
    if is_personal(path) and value is not None:
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(item, f"{path}/{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, f"{path}/{item_key(item)}") for item in value]
    return value


def masked_change(change: Change) -> Change:
    """The change as it may stand in a log: that a personal fact changed, never its value."""
    return Change(change.path, masked(change.old, change.path), masked(change.new, change.path))


def in_words(change: Change, lang: str = "en") -> str:
    """`bodies b01 › after › members m3 › education: college → bachelor`, in the reader's language."""
    parts = [field_word(part, lang) for part in change.path.split("/")]
    place = " › ".join(parts)
    if isinstance(change.new, Mapping) and change.old is None:
        return f"{place}: {WORDS.say(lang, 'change', 'added')}"
    if isinstance(change.old, Mapping) and change.new is None:
        return f"{place}: {WORDS.say(lang, 'change', 'removed')}"
    if MASK in (change.old, change.new):
        return f"{place}: {WORDS.say(lang, 'change', 'changed')}"
    field = change.path.rsplit("/", 1)[-1]
    return f"{place}: {_told(change.old, field, lang)} → {_told(change.new, field, lang)}"


def _told(value: Any, field: str, lang: str) -> str:
    if value is None:
        return WORDS.say(lang, "change", "not_stated")
    if isinstance(value, (list, Mapping)):
        return WORDS.say(lang, "change", "entries", count=len(value))
    return value_word(field, str(value), lang)
