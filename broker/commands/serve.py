"""`python3 -m broker` alone: the bridge with screen and API; with `--check-config` a look at files and broker."""

import argparse
import contextlib
import logging
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from broker.commands.folders import must_have_a_place, outside_must_have_a_place
from broker.config import BrokerConfig, CityConfig, ConfigError, read_either_config
from broker.config.values import is_loopback
from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.mqtt.own_broker.connections import may_open_files
from broker.plan.model import Plan
from broker.store import StoreError

FINDINGS_NAME = "plan-findings.txt"


def add_options(top: argparse.ArgumentParser) -> None:
    """What the command line takes without a command."""
    top.add_argument(
        "--check-config", action="store_true", help="read configuration and plan, try the broker, say what is wrong"
    )
    top.set_defaults(run=run_serve)


def run_serve(arguments: argparse.Namespace) -> int:
    """Run the bridge until it is told to stop, or look at its configuration; 0, or 1 with what is wrong."""
    path: Path = arguments.config
    try:
        config = read_either_config(path)
        if isinstance(config, CityConfig):
            return _of_city(arguments, config)
        logging.getLogger().setLevel(config.log.level.upper())
        try:
            return _check(path, config) if arguments.check_config else _serve(config)
        except ConfigError as why:
            raise ConfigError(f"{path}: {why}") from why
    except (ConfigError, StoreError, EmbeddedBrokerError) as why:
        print(f"python3 -m broker: {why}", file=sys.stderr)
        rest = _write_findings(why, path.parent)
        if rest is not None:
            print(f"all of them are in {rest}", file=sys.stderr)
        return 1


def _of_city(arguments: argparse.Namespace, config: CityConfig) -> int:
    """Look at a city's configuration, which is what was named; a bridge cannot run by it."""
    if not arguments.check_config:
        raise ConfigError(f"{arguments.config}: is a city's: python3 -m broker city --config {arguments.config}")
    from broker.commands.city import check_city

    try:
        return check_city(arguments.config, config)
    except ConfigError as why:
        raise ConfigError(f"{arguments.config}: {why}") from why


def _write_findings(why: Exception, folder: Path) -> Path | None:
    """Everything that is wrong with a plan, as a file beside the configuration, where the terminal shows a part."""
    from broker.plan.gtfs.tables.files import GtfsError

    cause: BaseException | None = why
    while cause is not None and not isinstance(cause, GtfsError):
        cause = cause.__cause__
    if cause is None or not cause.unshown:
        return None
    text = "".join(f"{finding}\n" for finding in cause.findings)
    for place in (folder, Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):  # a folder that may not be written to is no reason to show less
            (place / FINDINGS_NAME).write_text(text, encoding="utf-8")
            return place / FINDINGS_NAME
    return None


def _check(path: Path, config: BrokerConfig) -> int:
    """Read the plan and every file that the configuration names, ask or start the broker, and say what is there."""
    from broker.feeds.outside.receivers import check_receivers
    from broker.mqtt.certificates import check_certificates
    from broker.plan.calendar import local_date
    from broker.plan.validity import Outlook, plan_sentence
    from broker.settings import configured_plan
    from broker.web.server import check_people

    plan = configured_plan(config)
    _folders_must_have_a_place(config)
    config.mqtt.password()
    config.mqtt.tls()
    config.embedded.tls()
    config.web.tls()
    config.city.password()
    config.embedded.passwords()
    of_certificates = check_certificates(config, time.time())
    check_people(config)
    of_receivers = check_receivers(config.outside, plan.timezone)
    of_day = Outlook(plan).on(local_date(plan, int(time.time())))
    said = plan_sentence(of_day)
    if not of_day.known:
        raise ConfigError(f"[area] plan: {said}")
    broker = "; ".join(part for part in (_tried_broker(config, plan), of_certificates) if part)
    print(f"{path}: good; area {plan.area_id}: {len(plan.rooms)} rooms, {len(plan.runs)} runs; the plan knows "
          f"{of_day.first_day} to {of_day.last_day}; {broker}")  # fmt: skip
    clear = [config.web.clear_note] if config.web.enabled and config.web.is_open_without_tls else []
    if not config.embedded.enabled and config.mqtt.ca_file is None and not is_loopback(config.mqtt.host):
        clear.append(f"[mqtt] ca_file: {config.mqtt.host} is met without TLS: the bridge's password goes in clear")
    for note in (*clear, *of_receivers, *_way_to_city(config), *([] if said is None else [said])):
        print(f"{path}: note: {note}", file=sys.stderr)
    return 0


def _way_to_city(config: BrokerConfig) -> list[str]:
    """Why the city's database cannot be used now, which keeps no bridge from its work."""
    if config.city.url is None:
        return []
    from broker.commands.city import cells_of

    try:
        cells_of(config.city.url, config.city.password())
    except StoreError as why:
        return [f"[city] url: {why}"]
    return []


def _folders_must_have_a_place(config: BrokerConfig) -> None:
    """Raises ConfigError where the record, the reports, or what is told outside, has no folder and can have none."""
    if "://" not in config.store.url:
        must_have_a_place("[store] url", Path(config.store.url))
    must_have_a_place("[reports] folder", config.reports.folder)
    outside_must_have_a_place(config.outside)


def _tried_broker(config: BrokerConfig, plan: Plan) -> str:
    """What is to be said of the broker that was asked, or started for a moment; raises what cannot work."""
    from broker.web.server import bound_socket

    where = f"{config.mqtt.host}:{config.mqtt.port}"
    if _at_work(config, plan.area_id):
        return f"the bridge that runs here has its broker at {where}"
    screen = bound_socket(config) if config.web.enabled else None
    try:
        return _asked_broker(config, plan, where)
    finally:
        if screen is not None:
            screen.close()


def _asked_broker(config: BrokerConfig, plan: Plan, where: str) -> str:
    from broker.mqtt.own_broker.trial import ask
    from broker.process import embedded_broker, way_to

    if not config.embedded.enabled:
        ask(config.mqtt, plan.area_id, config.mqtt.password(), echo=True)
        return f"the broker at {where} lets the bridge in"
    with tempfile.TemporaryDirectory(prefix="zhanpai-check-") as folder:
        broker, password = embedded_broker(config, plan, Path(folder))
        try:
            broker.start()
            ask(way_to(broker, config.mqtt), plan.area_id, password)
        finally:
            broker.stop()
    return " ".join([f"a broker of its own starts on {where}", *broker.notes])


def _at_work(config: BrokerConfig, area: str) -> bool:
    """Whether a bridge of this configuration runs and has its broker: nobody is to be thrown off for a question."""
    if not config.web.enabled or not config.web.port:
        return False
    from broker.commands.running_bridge import RunningBridge, shell_token

    try:
        picture = RunningBridge(config.web, shell_token(config)).asked("/picture", wait_s=2)
        return bool(picture["area"]["id"] == area and picture["link"]["up"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _serve(config: BrokerConfig) -> int:
    from broker.process import serve

    may_open_files()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serve(config, stop=stop)
    return 0
