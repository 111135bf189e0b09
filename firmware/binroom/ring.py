"""The unit's unacknowledged records in flash, so that no power cut loses one.

Records are appended, one JSON line each, to segment files `/state/ring/<n>.log`; a segment is deleted once all its
records are settled. Settling writes nothing: after a power cut some settled records are sent once more, which
the bridge takes silently. A line that cannot be read is skipped; the last line of a (boot, seq) counts.
"""

import json
import os

from firmware.binroom.constant import const
from firmware.binroom.durable import make_folder

_SEGMENT_RECORDS = const(16)


class Ring:
    """The segments of one folder."""

    def __init__(self, folder, note):
        self._folder = folder
        self._note = note
        self._segments = {}  # number: set of unsettled (boot, seq)
        self._where = {}  # (boot, seq): number
        self._lines = 0  # in the newest segment
        self._newest = 0
        self.failures = 0

    def load(self):
        """The records a former boot left; call once, first."""
        make_folder(self._folder)
        found = {}
        for name in sorted(os.listdir(self._folder)):
            number = name[:-4]
            if not name.endswith(".log") or not number.isdigit():
                continue
            self._newest = max(self._newest, int(number))
            self._segments[int(number)] = set()
            for record in self._read(name):
                key = (record[0], record[1])
                self._place(key, int(number))
                found[key] = record
        self._lines = _SEGMENT_RECORDS  # never append to a segment of a former boot: its last line may be torn
        self._tidy()
        return [found[key] for key in sorted(found)]

    def keep(self, record):
        """Append one record; a full or broken flash is noted and counted, never raised."""
        if self._lines >= _SEGMENT_RECORDS:
            self._lines = 0
            self._newest += 1
        try:
            with open(self._path(self._newest), "a") as file:
                file.write(json.dumps(record))
                file.write("\n")
        except OSError as error:
            self.failures += 1
            self._note("ring: record %d:%d is not in flash: %s" % (record[0], record[1], error))
            return
        if self._newest not in self._segments:
            self._segments[self._newest] = set()
        self._lines += 1
        self._place((record[0], record[1]), self._newest)
        self._tidy()

    def forget(self, boot, seq):
        """The record is settled; its segment goes when nothing in it is left."""
        number = self._where.pop((boot, seq), None)
        if number is not None:
            self._segments[number].discard((boot, seq))
            self._tidy()

    def _place(self, key, number):
        former = self._where.get(key)
        if former is not None:
            self._segments[former].discard(key)
        self._where[key] = number
        self._segments[number].add(key)

    def _tidy(self):
        for number in list(self._segments):
            is_open = number == self._newest and self._lines < _SEGMENT_RECORDS >> 1
            if self._segments[number] or is_open:
                continue
            try:
                os.remove(self._path(number))
            except OSError as error:
                self.failures += 1
                self._note("ring: segment %d stays: %s" % (number, error))
                continue
            del self._segments[number]
            if number == self._newest:
                self._lines = _SEGMENT_RECORDS

    def _read(self, name):
        with open(self._folder + "/" + name, "rb") as file:
            for line in file:
                try:
                    record = json.loads(line.decode())
                except (ValueError, UnicodeError):
                    continue
                if is_record(record):
                    yield record

    def _path(self, number):
        return "%s/%08d.log" % (self._folder, number)


def is_record(value):
    """Whether a value read from flash has the shape of a record."""
    if not isinstance(value, list) or len(value) != 6:
        return False
    boot, seq, kind, at, up_s = value[:5]
    for number in (boot, seq, up_s):
        if not isinstance(number, int) or number < 0:
            return False
    return kind in ("bins", "lamp", "keeper") and (at is None or isinstance(at, int))
