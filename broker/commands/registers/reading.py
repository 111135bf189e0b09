"""The commands that read: each takes the parsed arguments and returns 0, or 1 when something is wrong."""

import json
import sys
from datetime import datetime

from broker.commands.registers.report_text import elections_text, safety_text
from broker.commands.registers.terminal import Args, print_changes, read_register, register_of, registers_of, seen
from broker.durable_file import Disk, write_durably
from broker.registers.elections import figures as election_figures
from broker.registers.elections import report as election_report
from broker.registers.errors import RegisterError
from broker.registers.exchange.files import export_file, table_of
from broker.registers.exchange.oc4ids import export_package
from broker.registers.folder import Registers
from broker.registers.kept.patches import find
from broker.registers.safety import figures as safety_figures
from broker.registers.schemas import write_schemas
from broker.registers.words import value_word


def list_records(args: Args) -> int:
    """Print the tables' rows, tab-separated; members without names."""
    document = seen(args, read_register(args))
    names = ("areas", "bodies") if args.register == "elections" else ("programmes", "estates", "sites")
    for name in (args.table,) if args.table else names:
        table = table_of(args.register, name)
        print("\t".join(["#", *table.header(args.lang)]))
        title = table.title(args.lang)
        for row in table.rows(document):
            print("\t".join([title, *("" if cell is None else str(cell) for cell in row)]))
    return 0


def show(args: Args) -> int:
    """Print the register or a part of it as JSON."""
    snapshot = read_register(args)
    part = find(seen(args, snapshot), args.path)
    print(json.dumps(part, ensure_ascii=False, indent=2, sort_keys=True))
    if not args.path:
        print(f"version {snapshot.version}, etag {snapshot.etag}", file=sys.stderr)
    return 0


def report(args: Args) -> int:
    """Print the computed figures."""
    registers = registers_of(args)
    today = registers.today()
    if args.register == "safety":
        found = safety_figures.report(registers.safety.read().value, today)
        print(json.dumps(found, ensure_ascii=False, indent=2) if args.json else safety_text(found, args.lang))
        return 0
    value = registers.elections.read().value
    bodies = election_figures.chosen(value, args.kind, args.level, args.area)
    if args.json:
        print(json.dumps(election_report.report(bodies, today), ensure_ascii=False, indent=2))
    else:
        print(elections_text(bodies, election_report.report(bodies, today), args.lang))
    return 0


def export(args: Args) -> int:
    """Write the register to a file by its ending."""
    snapshot = read_register(args)
    form = args.file.suffix.lstrip(".").lower()
    content = export_file(args.register, seen(args, snapshot), form, args.table, args.lang)
    what = f"{args.register} {args.table or 'all'} {form} {'with' if args.names else 'without'} names"
    registers_of(args).access.note(args.who or "command line", "command line", "export", what)
    write_durably(Disk(), args.file, content)
    print(f"{args.file}: {len(content)} bytes, version {snapshot.version}")
    return 0


def show_log(args: Args) -> int:
    """Print the newest changes in words."""
    for entry in reversed(register_of(args).log()[-args.last :]):
        action = value_word("action", entry.action, args.lang)
        print(f"{entry.version}  {_moment(args, entry.at)}  {entry.who}  {action}: {entry.why}")
        print_changes(entry.changes, args.lang)
    return 0


def versions(args: Args) -> int:
    """Print what can be restored."""
    register = register_of(args)
    register.read()
    print("versions:", " ".join(str(number) for number in register.kept.numbers()))
    print("days:", " ".join(register.kept.daily_days()))
    return 0


def check(args: Args) -> int:
    """Say whether everything on the disk is as it should be."""
    snapshot = read_register(args)
    entries = register_of(args).log()
    kept = register_of(args).kept
    missing = [number for number in kept.numbers() if kept.version(number) is None]
    print(f"{args.register}: version {snapshot.version}, {len(entries)} changes, {len(kept.numbers())} versions kept")
    for number in missing:
        print(f"version {number} is kept, but it is not what was written", file=sys.stderr)
    if args.register == "elections":
        areas = {area["id"] for area in snapshot.document["areas"]}
        for name, area in _estates(registers_of(args)):
            if area not in areas:
                print(f"safety: estate {name} names the residential area {area!r}, which is not there", file=sys.stderr)
                missing.append(0)
    return 1 if missing or snapshot.outside else 0


def schema(args: Args) -> int:
    """Write both JSON Schemas."""
    for path in write_schemas(args.write):
        print(path)
    return 0


def export_oc4ids(args: Args) -> int:
    """Write the works as an OC4IDS package."""
    registers = registers_of(args)
    snapshot = registers.safety.read()
    package = export_package(
        snapshot.value, uri=args.uri, publisher=args.publisher, changed_at=snapshot.changed_at, prefix=args.prefix,
        zone=registers.timezone,
    )
    registers.access.note(args.who or "command line", "command line", "export", "safety oc4ids")
    write_durably(Disk(), args.file, (json.dumps(package, ensure_ascii=False, indent=2) + "\n").encode())
    print(f"{args.file}: {len(package['projects'])} projects")
    return 0


def _moment(args: Args, at: int) -> str:
    return datetime.fromtimestamp(at, registers_of(args).timezone).strftime("%Y-%m-%d %H:%M")


def _estates(registers: Registers) -> list[tuple[str, str]]:
    try:
        return [(item.id, item.area) for item in registers.safety.read().value.estates if item.area is not None]
    except RegisterError:
        return []
