"""What only repeats the record is written anew from it: a past day's files and their list, the note beside it.

Nothing of this is data, so none of it keeps a bridge from starting; that it was done is told to a person.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from broker.store.days import Days
from broker.store.record import Corrupt
from broker.store.sqlite.disk.errors import ADVICE
from broker.store.sqlite.disk.files import Files
from broker.store.sqlite.disk.note import FORMAT, NAME, Note, read_note, write_note
from broker.store.sqlite.past_days import PastDays
from broker.store.sqlite.reader import SQLiteReader

_SHOWN = 3


def mend_past_days(
    past: PastDays, source: SQLiteReader, given_up: Callable[[], bool], tell: Callable[[str], None], pause_s: float
) -> None:
    """Write each past day anew whose files are not as they were written, the newest first, and tell of it."""
    for day in reversed(past.names()):
        if given_up():
            return
        wrong = past.wrong(day)
        if not wrong:
            continue
        names = ", ".join(path.name for path in wrong[:_SHOWN])
        try:
            _must_have(source, past.folder / day)
            past.write(source, day, pause_s)
        except (Corrupt, OSError) as why:
            tell(f"{past.folder / day}: {names} not as it was written, or missing, and not written anew: {why}")
        else:
            tell(f"{past.folder / day}: {names} not as it was written, or missing; written anew from the record")


def _must_have(source: SQLiteReader, folder: Path) -> None:
    """Raises Corrupt where a day's files have a row that the record cannot give: they may be the only good copy."""
    for path in sorted(path for path in folder.glob("*.json") if path.is_file()):
        with path.open("rb") as lines:
            for line in lines:
                row = line[1 : line.find(b'"', 1)] if line.startswith(b'"') else b""
                if row.isdigit() and source.numbered(int(row)) is None:
                    raise Corrupt(f"{path} has row {int(row)}, which the record cannot give; {ADVICE} --repair")


def has_note(reader: SQLiteReader, folder: Path, files: Files) -> bool:
    """Whether anything was begun in a folder; a note that is lost or spoiled is written anew, and that is told."""
    note = _note_of(reader, folder)
    if note is None:
        return False
    note.must_be(reader.area, reader.timezone, folder / NAME)
    with suppress(Corrupt):
        if read_note(folder) is not None:
            return True
    write_note(folder, note, files)
    reader.note(
        f"{folder / NAME} was missing or not as it was written: written anew from the record, up to row {note.rows}; "
        "that more had been stored it could not say any more"
    )
    return True


def _note_of(reader: SQLiteReader, folder: Path) -> Note | None:
    """The note of a folder; where it is lost or spoiled, as the record itself has it. None where nothing has begun.

    Raises Corrupt where the record cannot say it, or is older than the past days beside it.
    """
    try:
        note, wrong = read_note(folder), None
    except Corrupt as error:
        note, wrong = None, error
    if note is not None:
        return note
    if not reader.database.exists() or not (last := reader.last_row()):
        if wrong is not None:
            raise wrong
        return None
    said = {name: reader.about(name) for name in ("record", "area", "timezone")}
    ((newest,),) = reader.rows_of("SELECT max(at) FROM record")
    older = reader.past_days.names()[-1:] > [Days(reader.timezone).of(newest)]
    if None in said.values() or older:
        why = "is older than its past days" if older else "does not say whose it is"
        raise wrong or Corrupt(f"{folder / NAME} is missing, and the record {why}: put it back, or {ADVICE} --repair")
    return Note(last, FORMAT, str(said["record"]), str(said["area"]), str(said["timezone"]))
