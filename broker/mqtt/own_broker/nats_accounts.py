"""The access list of an area as NATS reads it: what `access_list.py` gives Mosquitto, with a dot for each slash.

What NATS itself keeps of a client (its session, what is retained) is its own business and needs no right.
"""

import json
from collections.abc import Iterable, Mapping

from broker.mqtt.own_broker.access_list import readers, rights
from firmware import wire

HEAD = """\
# The accounts of area {area}: who may say and hear what. Passwords stand here in clear: mode 600.
# `nats server passwd` makes a bcrypt hash of one, which may stand here instead.
"""


def subjects(filters: Iterable[str]) -> list[str]:
    """MQTT topic filters as NATS subjects; what ends in `#` covers its own level too."""
    found = []
    for pattern in filters:
        levels = pattern.split("/")
        if levels[-1] == "#":
            found.append(_subject(levels[:-1]))
            levels[-1] = ">"
        found.append(_subject(levels))
    return sorted(found)


def _subject(levels: Iterable[str]) -> str:
    # A dot within a level is `//` to NATS.
    return ".".join({"+": "*"}.get(level, level.replace(".", "//")) for level in levels)


def nats_accounts(area: str, families: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    """The `authorization` section for an area's bridge, its readers and its devices, by their passwords."""
    everything = [f"{wire.ROOT}/{area}/#"]
    announced = ["+/device/+/+/config"]
    rows = [_user(f"bridge-{area}", passwords, [*everything, *announced], [*everything, *announced])]
    rows += [_user(name, passwords, [], [*everything, *announced]) for name in readers(area) if name in passwords]
    for name, family in sorted(families.items()):
        own = rights(family, area, name)
        rows.append(_user(name, passwords, own.says, own.hears))
    return HEAD.format(area=area) + "authorization {\n    users: [\n" + "".join(rows) + "    ]\n}\n"


def _user(name: str, passwords: Mapping[str, str], says: Iterable[str], hears: Iterable[str]) -> str:
    # What is not named is denied; a list that is empty would deny nothing.
    allowed = subjects(says)
    publish = {"allow": allowed} if allowed else {"deny": [">"]}
    row = {
        "user": name, "password": passwords[name],
        "permissions": {"publish": publish, "subscribe": {"allow": subjects(hears)}},
    }  # fmt: skip
    return f"        {json.dumps(row)}\n"
