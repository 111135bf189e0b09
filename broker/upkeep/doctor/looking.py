"""Everything that can be seen of an office from outside: files, the machine below, and the bridge if one runs."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from broker import __version__
from broker.config import BrokerConfig, ConfigError, read_config
from broker.feeds.outside.receivers import check_receivers, outbox_of
from broker.mqtt.broker_version import unsafe_because
from broker.mqtt.certificates import check_certificates, ends_of
from broker.mqtt.own_broker.mosquitto import find_mosquitto
from broker.mqtt.own_broker.trial import ask
from broker.plan.calendar import local_date
from broker.plan.model import Plan
from broker.plan.validity import Outlook
from broker.settings import configured_plan
from broker.store import StoreError
from broker.store.opening import is_address, must_be_store, reading_store
from broker.store.postgres import PostgresStore
from broker.store.sqlite import check
from broker.upkeep.backup.manifest import backups_of, parted, read_manifest
from broker.upkeep.bridge_health import bridge_health
from broker.upkeep.doctor import machine
from broker.upkeep.doctor.sights import Outside, Sights
from broker.web.server import check_people

Asked = Callable[[str], Mapping[str, Any]]  # a path of the bridge's API; raises OSError or ValueError


def look(config_path: Path, asked: Callable[[BrokerConfig], Asked], now: int, *, whole: bool = False) -> Sights:
    """Look at all of it; what cannot be looked at is left as nothing. `whole` reads each record."""
    try:
        config = read_config(config_path)
        plan = configured_plan(config)
    except ConfigError as why:
        return Sights(now, __version__, config_wrong=str(why))
    day = Outlook(plan).on(local_date(plan, now))
    bridge = bridge_health(config.web)
    return Sights(
        now, __version__, plan_state=day.state, plan_last_day=day.last_day, plan_days_left=day.days_left,
        bridge=bridge, bridge_is_expected=config.web.enabled and bool(config.web.port),
        disks=tuple(machine.disk_below(folder) for folder in _folders(config)),
        clock_synchronised=machine.clock_synchronised(), memory_free_mb=machine.memory_free_mb(),
        open_files=machine.open_files(), connections=config.limits.connections,
        outside=tuple(_outside(config)),
        **_files(config, plan, now), **_broker(config, plan, bridge is not None), **_record(config, plan, now, whole),
        **(_of_bridge(asked(config)) if bridge is not None else {}),
    )  # fmt: skip


def _folders(config: BrokerConfig) -> Iterable[Path]:
    """Each folder that the bridge writes to."""
    record = [] if is_address(config.store.url) else [Path(config.store.url)]
    return [*record, config.people.folder, config.registers.folder, config.reports.folder, config.playback.folder]


def _files(config: BrokerConfig, plan: Plan, now: int) -> dict[str, Any]:
    """What is wrong with secrets, certificates and accounts, and until when certificates hold."""
    found: dict[str, Any] = {"certificates": ends_of(config)}
    steps: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("secret_wrong", lambda: _secrets(config, plan)),
        ("certificate_wrong", lambda: check_certificates(config, now)),
        ("people_wrong", lambda: check_people(config)),
    )
    for name, step in steps:
        try:
            step()
        except ConfigError as why:
            found[name] = str(why)
    return found


def _secrets(config: BrokerConfig, plan: Plan) -> None:
    config.mqtt.password()
    config.embedded.passwords()
    config.mqtt.tls()
    config.embedded.tls()
    config.web.tls()
    check_receivers(config.outside, plan.timezone)


def _broker(config: BrokerConfig, plan: Plan, bridge_runs: bool) -> dict[str, Any]:
    """A broker apart is asked whether it lets us in; our own starts with its bridge, which then speaks for it."""
    found: dict[str, Any] = {}
    program = find_mosquitto()
    if config.embedded.enabled:
        found["mosquitto_missing"] = program is None
        if program is not None:
            said = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout
            found["mosquitto_unsafe"] = tuple(unsafe_because(said))
    elif not bridge_runs:
        try:
            ask(config.mqtt, plan.area_id, config.mqtt.password())
        except ConfigError as why:
            found["broker_wrong"] = str(why)
    return found


def _record(config: BrokerConfig, plan: Plan, now: int, whole: bool) -> dict[str, Any]:
    """Whether the record is as it was written, when the newest came, and how old the newest backup is."""
    url, folder = config.store.url, config.backup.folder
    backups, ahead = parted(backups_of(folder, plan.area_id), now)
    found: dict[str, Any] = {
        "backup_folder": str(folder), "backup_at": read_manifest(backups[-1]).made_at if backups else None,
        "backups_ahead": len(ahead),
        "backup_on_same_disk": not is_address(url) and machine.same_disk(Path(url), folder),
    }  # fmt: skip
    try:
        must_be_store(url)
    except StoreError:
        return found  # nothing was ever stored
    found["has_records"] = True
    try:
        if is_address(url):
            with closing(PostgresStore(url, plan.area_id, plan.timezone, lambda: float(now), make=False)) as database:
                stored, there = database.stored_and_there()
                found["record_wrong"] = None if stored == there else f"{stored} records were stored, {there} are there"
        elif whole:
            wrong = [one for one in check.check(Path(url)) if not one.good]
            found["record_wrong"] = f"{wrong[0].path}: {wrong[0].text}" if wrong else None
        else:
            with reading_store(url, plan.area_id, plan.timezone, lambda: float(now)) as store:
                found["newest_record_at"] = check.quick_look(store)
    except StoreError as why:
        found["record_wrong"] = str(why)
    return found


def _outside(config: BrokerConfig) -> Iterable[Outside]:
    for receiver in config.outside.receiver:
        outbox = outbox_of(config.outside, receiver)
        waiting = outbox.names()
        oldest = int(waiting[0].partition("-")[0]) if waiting else None
        yield Outside(receiver.name, len(waiting), oldest, len(outbox.dead()), outbox.ended())


def _of_bridge(asked: Asked) -> dict[str, Any]:
    """What only a bridge that lets us in says: what waits for the disk, and how far devices' clocks are off."""
    try:
        unstored = int(asked("/picture")["data"]["unstored"])
        rows = asked("/devices")["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    ahead = tuple(row["clock_s"] for row in rows if row.get("clock_s") is not None)
    return {"unstored": unstored, "devices_ahead_s": ahead}
