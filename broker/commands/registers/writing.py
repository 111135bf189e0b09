"""The commands that change something: each returns 0 when it is done, 1 when it was refused; never half done."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from broker.commands.registers.terminal import Args, print_changes, register_of, registers_of, saved_as
from broker.registers.elections import demo as elections_demo
from broker.registers.errors import Invalid, NotFound, Problem
from broker.registers.exchange.files import preview_file
from broker.registers.exchange.oc4ids import import_package
from broker.registers.folder import ELECTIONS, SAFETY
from broker.registers.kept.differences import Change, difference
from broker.registers.kept.patches import Edit, apply_edits
from broker.registers.kept.register import Register
from broker.registers.kept.snapshots import Snapshot
from broker.registers.privacy import outlived, personal_facts
from broker.registers.safety import demo as safety_demo
from broker.registers.validation import Kind, checked, checked_text


def init(args: Args) -> int:
    """Make a register that is not there yet."""
    kind: Kind[Any] = ELECTIONS if args.register == "elections" else SAFETY
    document = kind.model().model_dump(mode="json")
    if args.source is not None:
        document = checked_text(kind, args.source.read_bytes())[0].model_dump(mode="json")
    return saved_as(register_of(args).create(document, args.who, args.why))


def demo(args: Args) -> int:
    """Make the demo's register."""
    module = elections_demo if args.register == "elections" else safety_demo
    first_day = args.first_day or module.first_day_for(registers_of(args).today())
    made_up = elections_demo.demo_elections if args.register == "elections" else safety_demo.demo_works
    return saved_as(register_of(args).create(made_up(first_day), args.who, args.why))


def set_field(args: Args) -> int:
    """Set one field."""
    try:
        value = json.loads(args.value)
    except ValueError:
        value = args.value
    return _edit(args, Edit(op="set", path=args.path, value=value))


def add(args: Args) -> int:
    """Add one record."""
    text = Path(args.record[1:]).read_text(encoding="utf-8") if args.record.startswith("@") else args.record
    try:
        record = json.loads(text)
    except ValueError as error:
        raise Invalid([Problem(args.path, "json", {"message": str(error)})]) from error
    return _edit(args, Edit(op="add", path=args.path, value=record))


def remove(args: Args) -> int:
    """Remove one record."""
    return _edit(args, Edit(op="remove", path=args.path))


def import_file(args: Args) -> int:
    """Preview a file, or import it with --apply."""
    register = register_of(args)
    snapshot = register.read()
    found = preview_file(register.kind, snapshot.document, args.file.read_bytes(), args.table)
    if found.problems:
        raise Invalid(found.problems)
    return _import(args, register, snapshot, found.document, found.changes)


def restore(args: Args) -> int:
    """Bring a version or a day's copy back as a new version."""
    register = register_of(args)
    expect = args.expect or register.read().etag
    if args.version.isdigit():
        return saved_as(register.restore(int(args.version), expect, args.who, args.why))
    content = register.kept.daily_content(args.version)
    if content is None:
        raise NotFound(f"there is no good copy of {args.version}; `versions` lists the days")
    return saved_as(register.save(json.loads(content), expect, args.who, args.why, "restore"))


def accept_edit(args: Args) -> int:
    """Take the outside edit over."""
    return saved_as(register_of(args).accept_edit(args.who, args.why, args.expect))


def discard_edit(args: Args) -> int:
    """Put the last good version back."""
    aside = register_of(args).discard_edit(args.who, args.why)
    registers_of(args).access.note(args.who, "command line", "discard edit", f"{aside}: {args.why}")
    print(f"the last good version is back; the edited file is {aside}" if aside else "the last good version is back")
    return 0


def retention(args: Args) -> int:
    """Remove personal facts of long-ended terms everywhere but in figures."""
    registers = registers_of(args)
    snapshot = registers.elections.read()
    today = registers.today()
    document = outlived(snapshot.document, args.years, today)
    touched = personal_facts(snapshot.document) - personal_facts(document)
    if args.dry_run:
        print(f"{touched} entries of people would lose name, birth date and note; the figures stay")
        return 0
    saved = registers.elections.save(document, args.expect or snapshot.etag, args.who, args.why, "retention")
    files = registers.elections.rewrite_kept(lambda kept: outlived(kept, args.years, today, document))
    print(f"{touched} entries of people, and {files} kept versions and daily copies")
    for path in sorted(registers.elections.folder.glob("elections.json.edited-*")):
        print(f"{path}: an edit that was put aside may still hold names; look at it and remove it", file=sys.stderr)
    return saved_as(saved)


def import_oc4ids(args: Args) -> int:
    """Preview an OC4IDS package, or import it with --apply."""
    register = register_of(args)
    snapshot = register.read()
    try:
        package = json.loads(args.file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Invalid([Problem(str(args.file), "json", {"message": str(error)})]) from error
    document, remarks = import_package(
        package, snapshot.document, programme=args.programme, estate=args.estate, prefix=args.prefix,
    )
    for remark in remarks:
        print(f"note: {remark}")
    new = checked(SAFETY, document).model_dump(mode="json")
    return _import(args, register, snapshot, new, difference(snapshot.document, new))


def _edit(args: Args, edit: Edit) -> int:
    register = register_of(args)
    snapshot = register.read()
    document = apply_edits(snapshot.document, [edit])
    return saved_as(register.save(document, args.expect or snapshot.etag, args.who, args.why))


def _import(
    args: Args, register: Register[Any], snapshot: Snapshot[Any], document: dict[str, Any], changes: Sequence[Change],
) -> int:
    print_changes(changes, args.lang)
    if not args.apply:
        print(f"{len(changes)} changes; nothing was stored, --apply with --who and --why does it")
        return 0
    return saved_as(register.save(document, args.expect or snapshot.etag, args.who, args.why, "import"))
