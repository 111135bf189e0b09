"""Who may say and hear what at the broker: each account is bound to one family and one id.

    bridge          everything of its area, and the area's rooms as Home Assistant is told of them
    readers         they hear everything and say nothing
    authority       tells each device its commands, a renewed certificate among them, and hears how it lives
    a truck         says and hears a truck's topics below its own id, whatever the name looks like
    a room's unit   the same below its own room

Nothing here is a pattern: what an account is not given by name it may not do. An account is a password's or, where
devices show certificates, the common name of one.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from firmware import wire

READERS = ("watch", "technician")
AUTHORITY = "authority"
FAMILIES = ("truck", "room")


class AccountError(ValueError):
    """An account that cannot be what it says; the text names it, and what to do."""


class Rights(NamedTuple):
    """The topic filters that an account may write to and read."""

    says: tuple[str, ...]
    hears: tuple[str, ...]


def account_of(line: str) -> tuple[str, str]:
    """(user, password) of a line `user:password`; the user is `id`, `room/id` or `truck/id`. Raises AccountError."""
    user, colon, password = line.partition(":")
    user = user.strip()
    family, slash, name = user.rpartition("/")
    if not colon or (slash and family not in FAMILIES) or not wire.is_id(name):
        raise AccountError(
            f"account {user[:80]!r}: must be <id>:<password>, room/<id>:<password> or truck/<id>:<password>; an id is "
            f"1 to {wire.MAX_ID_BYTES} of a-z A-Z 0-9 . _ - and begins with no dot"
        )
    if not password.strip() or not password.isprintable():
        raise AccountError(f"account {user}: its password is empty or holds a control character; generate a new one")
    return user, password.strip()


def families_of(accounts: Collection[str], area: str, rooms: Collection[str]) -> dict[str, str]:
    """The family of each device among the accounts, by id: as it is named, else a room where the plan has one.

    Raises AccountError where one id is named as two.
    """
    families: dict[str, str] = {}
    for account in accounts:
        family, slash, name = account.rpartition("/")
        if not wire.is_id(name) or (slash and family not in FAMILIES):
            raise AccountError(f"account {account[:80]!r}: is no id and would open more than its own topics; rename it")
        if name in reserved(area):
            continue
        family = family or ("room" if name in rooms else "truck")
        if families.setdefault(name, family) != family:
            raise AccountError(f"account {name}: is named as a room and as a truck; one id is one device: rename one")
    return families


def readers(area: str) -> tuple[str, ...]:
    """The accounts that look and say nothing: the live table's and the technician's."""
    return tuple(f"{reader}-{area}" for reader in READERS)


def reserved(area: str) -> tuple[str, ...]:
    """The accounts that are nobody's device."""
    return (f"bridge-{area}", *readers(area), f"{AUTHORITY}-{area}")


def rights(family: str, area: str, name: str) -> Rights:
    """What a device of this family and id may say and hear."""
    says = (topic for topic in wire.subscriptions("bridge", area) if topic.startswith(f"{wire.ROOT}/{area}/{family}/"))
    own = tuple(topic.replace("/+/", f"/{name}/", 1) for topic in says)
    return Rights(own, tuple(sorted(wire.subscriptions(family, area, name))))


def access_list(area: str, families: Mapping[str, str], out: Collection[str] = ()) -> str:
    """The Mosquitto ACL of an area; whoever is `out` says nothing and hears nothing."""
    announced = "+/device/+/+/config"  # the rooms, for Home Assistant: below whatever prefix that has
    lines = [f"user bridge-{area}", f"topic readwrite {wire.ROOT}/{area}/#", "topic read $SYS/broker/version",
             f"topic readwrite {announced}", ""]  # fmt: skip
    for reader in readers(area):
        lines += [f"user {reader}", f"topic read {wire.ROOT}/{area}/#", f"topic read {announced}", ""]
    everybody = f"{wire.ROOT}/{area}/+/+"
    lines += [f"user {AUTHORITY}-{area}", f"topic write {everybody}/command", f"topic read {everybody}/life", ""]
    for name in sorted(out):
        lines += [f"user {name}", "topic deny #", ""]
    for name, family in sorted(families.items()):
        if name in out:
            continue
        own = rights(family, area, name)
        lines += [f"user {name}", *(f"topic write {topic}" for topic in own.says)]
        lines += [*(f"topic read {topic}" for topic in own.hears), ""]
    return "\n".join(lines) + "\n"
