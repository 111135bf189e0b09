"""`python3 -m broker nats-accounts FILE`: who may say and hear what on a NATS cluster, by a configuration's plan."""

import argparse
import json
import secrets
import sys
from pathlib import Path

from broker.config import ConfigError, read_config
from broker.mqtt.own_broker.access_list import families_of, readers
from broker.mqtt.own_broker.nats_accounts import nats_accounts
from broker.mqtt.own_broker.revoked import OUT, RevokedError, read_names
from broker.settings import configured_plan

PASSWORD_BYTES = 18


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command as argparse knows it."""
    parser = commands.add_parser(
        "nats-accounts", help="write the accounts of a NATS cluster for this plan",
        description="Writes the accounts file of packaging/nats: the bridge's and each truck's and room's, by the plan "
        "of the configuration. Passwords that stand in FILE stay; a device that is new gets a fresh one, one that is "
        "thrown out (`out.txt` beside [embedded] ca_file) has none.",
    )  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE", help="as accounts.conf beside n1.conf; mode 600")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; 2 where it is wrongly configured."""
    try:
        config = read_config(arguments.config)
        plan = configured_plan(config)
        ca_file = config.embedded.ca_file
        out = frozenset[str]() if ca_file is None else frozenset[str]().union(*read_names(ca_file.with_name(OUT)))
    except (ConfigError, RevokedError) as why:
        print(f"nats-accounts: {why}", file=sys.stderr)
        return 2
    path: Path = arguments.file
    known = _passwords(path)
    bridge = f"bridge-{plan.area_id}"
    devices = [name for name in (*plan.trucks(), *plan.rooms) if name not in out]
    names = (bridge, *readers(plan.area_id), *devices)
    passwords = {name: known.get(name) or secrets.token_urlsafe(PASSWORD_BYTES) for name in names}
    text = nats_accounts(plan.area_id, families_of(passwords, plan.area_id, plan.rooms), passwords)
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    new = sum(name not in known for name in names)
    print(
        f"{path}: {len(names)} accounts, {new} of them new; put it beside n1.conf on every node, then "
        f"`nats-server --signal reload`. The bridge is {bridge}: its password goes into [mqtt] password_file"
    )
    return 0


def _passwords(path: Path) -> dict[str, str]:
    """Those of a file that this wrote."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip().startswith('{"')]
    return {row["user"]: row["password"] for row in rows}
