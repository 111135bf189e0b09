"""`python3 -m broker restore BACKUP`: put a backup back, and name what was acknowledged after it."""

import argparse
import time
from pathlib import Path
from typing import Any

from broker.commands.record.access import progress_bar, told
from broker.config import BrokerConfig, ConfigError, read_config
from broker.mqtt.own_broker.child import EmbeddedBrokerError, free_port
from broker.mqtt.retained import retained
from broker.plan.model import Plan
from broker.process import embedded_broker, way_to
from broker.settings import configured_plan
from broker.store import StoreError
from broker.store.opening import is_address
from broker.store.sqlite import check
from broker.upkeep.backup.afterwards import Range, acknowledged
from broker.upkeep.backup.manifest import BackupError, chosen, must_be_whole
from broker.upkeep.backup.restoring import Restored, after, only_in, restore, restore_config, restore_plan
from broker.upkeep.bridge_health import bridge_health
from firmware import wire

_SHOWN = 20


def add_commands(subparsers: Any) -> None:
    """Register `restore` with the server's command line."""
    command = subparsers.add_parser(
        "restore", help="put a backup back; says which acknowledged records came after it",
        description="Puts everything where the configuration says; one that is not there comes from the backup too. "
        "Wants the bridge stopped, and empty folders. Called again it goes on where it was cut off.",
    )  # fmt: skip
    command.add_argument("backup", type=Path, help="its folder, or the one with several: then the newest")
    command.add_argument("--aside", action="store_true", help="rename what is there to NAME.before-TIME")
    command.add_argument("--only", action="append", default=[], metavar="KEY", help="such as store.url; several times")
    command.add_argument("--old", type=Path, help="the record's old folder, if it can still be read: what it has more")
    command.set_defaults(run=run_restore)


def run_restore(arguments: argparse.Namespace) -> int:
    """Put it back; 0 when all is there and the record is good, else 1."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            return _restore(arguments)
        except BackupError as why:
            raise ValueError(str(why)) from why

    return told(run, arguments)


def _restore(arguments: argparse.Namespace) -> int:
    now, path = int(time.time()), arguments.config
    backup, ahead = chosen(arguments.backup, now)
    for one in ahead:
        print(f"dated after now, so it is not looked at: {one}; name it if you want it")
    manifest = must_be_whole(backup)
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.made_at))
    print(f"{backup}: whole; area {manifest.area}, {manifest.records} records, of {made}")
    if restore_config(backup, path):
        print(f"put back: {path}")
    config = read_config(path)
    if bridge_health(config.web) is not None:
        raise BackupError(f"a bridge answers at {config.web.page('/')}: stop it first")
    restore_plan(backup, config)
    plan = configured_plan(config)
    with progress_bar("restore", None) as progress:
        done = restore(backup, manifest, config, plan, now, aside=arguments.aside, only=arguments.only,
                       progress=progress)  # fmt: skip
    _say(done)
    well = _good(config)
    _name_what_came_after(config, plan, done, arguments.old, now)
    print("next: python3 -m broker --check-config, then start the bridge" if well else "next: see above, then `fsck`")
    return 0 if well else 1


def _say(done: Restored) -> None:
    for path in done.aside:
        print(f"set aside: {path}")
    for path in done.put:
        print(f"put back: {path}")
    for path in done.stays:
        print(f"was there already, stays: {path}")
    for key in done.lacking:
        print(f"not in the backup (a secret): {key}; put its file back yourself, or have it made anew")


def _good(config: BrokerConfig) -> bool:
    if is_address(config.store.url):
        return True
    wrong = [one for one in check.check(Path(config.store.url)) if not one.good]
    for one in wrong:
        print(f"BAD   {one.path}: {one.text}")
    if not wrong:
        print(f"GOOD  {config.store.url}: each record as it was written")
    return not wrong


def _name_what_came_after(config: BrokerConfig, plan: Plan, done: Restored, old: Path | None, now: int) -> None:
    if old is None and not is_address(config.store.url):
        name = f"{Path(config.store.url).name}.before-"
        old = next((path for path in done.aside if path.name.startswith(name)), None)
    if old is not None:
        try:
            count, ranges = only_in(old, config, plan, now)
            _list(ranges, f"{old} has {count} records more", f"to have all of them: python3 -m broker import {old}")
            return
        except StoreError as why:
            print(f"what {old} has more cannot be told: {why}")
    try:
        acks = _acks(config, plan)
    except (OSError, ValueError, EmbeddedBrokerError) as why:
        print(f"what was acknowledged after the backup cannot be asked of the broker: {why}")
        print("once the bridge runs, /devices shows as gaps what devices do not send again")
        return
    _list(after(config, plan, acks, now), "acknowledged and not in the backup",
          "if the old disk can be read: python3 -m broker import its folder")


def _list(ranges: list[Range], what: str, hint: str) -> None:
    print(f"{what}; of devices: {'these' if ranges else 'none'}")
    for one in ranges[:_SHOWN]:
        print(f"  {one}")
    if len(ranges) > _SHOWN:
        print(f"  and {len(ranges) - _SHOWN} ranges more")
    if ranges:
        print(f"devices have forgotten these and will not send them again; {hint}")


def _acks(config: BrokerConfig, plan: Plan) -> list[Range]:
    """What the broker's retained acks say; our own is started for it where its files are still there."""
    topics = f"{wire.ROOT}/{plan.area_id}/+/+/ack"
    if not config.embedded.enabled:
        return list(acknowledged(retained(config.mqtt, plan.area_id, config.mqtt.password(), topics)))
    if not (config.embedded.folder / "mosquitto.db").exists():
        raise ConfigError(f"{config.embedded.folder}: the broker's own file is not there any more")
    here = config.mqtt.model_copy(update={"host": "127.0.0.1", "port": free_port()})
    apart = config.embedded.model_copy(update={"cert_file": None, "key_file": None})
    broker, password = embedded_broker(config.model_copy(update={"mqtt": here, "embedded": apart}), plan)
    try:
        broker.start()
        return list(acknowledged(retained(way_to(broker, here), plan.area_id, password, topics)))
    finally:
        broker.stop()
