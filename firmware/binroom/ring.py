"""The unit's unacknowledged records in flash, so that neither a long outage nor a power cut loses one.

Records are appended, one JSON line each, to segment files `/state/ring/<n>.log`; a segment is deleted once all its
records are settled. Settling writes nothing: after a power cut some settled records are sent once more, which
the bridge takes silently. A line that cannot be read is skipped; the last line of a (boot, seq) counts. The heap holds
one small number per record; the records themselves are read when they are to be sent.
"""

import json
import os

from firmware.binroom.constant import const
from firmware.binroom.durable import is_integer, make_folder

_SEGMENT_RECORDS = const(16)
_MAX_SEGMENTS = const(24)  # 384 records: two days of outage on a busy place; then the oldest go, counted and noted


def _key(boot, seq):
    return boot << 20 | seq


class Ring:
    """The segments of one folder."""

    def __init__(self, folder, note):
        self._folder = folder
        self._note = note
        self._segments = {}  # number: keys of its unsettled records
        self._lines = _SEGMENT_RECORDS  # in the newest segment; full: never append to one of a former boot
        self._newest = 0
        self.failures = 0

    def load(self):
        """Look through what a former boot left; returns how many records are unsettled. Call once, first."""
        make_folder(self._folder)
        for name in sorted(os.listdir(self._folder)):
            number = name[:-4]
            if name.endswith(".log") and number.isdigit():
                self._newest = int(number)
                self._segments[self._newest] = []
                for record in self._read(self._newest):
                    self._place(_key(record[0], record[1]), self._newest)
        for number in sorted(self._segments):
            self._tidy(number)
        return self.count()

    def count(self):
        """How many records are unsettled."""
        return sum([len(keys) for keys in self._segments.values()])

    def recall(self, limit, holds):
        """Read the newest records for which `holds(boot, seq)` is false, at most `limit`: (records, how many more)."""
        wanted = []
        left = 0
        for number in sorted(self._segments, reverse=True):
            for key in sorted(self._segments[number], reverse=True):
                if holds(key >> 20, key & 0xFFFFF):
                    continue
                if len(wanted) < limit:
                    wanted.append(key)
                else:
                    left += 1
        found = {}
        for number in self._segments:
            if [1 for key in self._segments[number] if key in wanted]:
                for record in self._read(number):
                    key = _key(record[0], record[1])
                    if key in wanted and key in self._segments[number]:
                        found[key] = record
        return [found[key] for key in sorted(found)], left

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
            self._segments[self._newest] = []
        self._lines += 1
        self._place(_key(record[0], record[1]), self._newest)
        if len(self._segments) > _MAX_SEGMENTS:
            oldest = min(self._segments)
            self._note("ring: full, %d oldest records are lost" % len(self._segments[oldest]))
            self.failures += len(self._segments[oldest])
            self._segments[oldest] = []
            self._tidy(oldest)

    def forget(self, boot, seq):
        """The record is settled; its segment goes when nothing in it is left."""
        key = _key(boot, seq)
        for number in self._segments:
            if key in self._segments[number]:
                self._segments[number].remove(key)
                self._tidy(number)
                return

    def _place(self, key, number):
        if key in self._segments[number]:
            return
        self._segments[number].append(key)
        for other in self._segments:
            if other != number and key in self._segments[other]:
                self._segments[other].remove(key)
                self._tidy(other)
                return

    def _tidy(self, number):
        """Delete a segment in which nothing is unsettled, unless more is going to be appended to it."""
        if self._segments[number] or (number == self._newest and self._lines < _SEGMENT_RECORDS >> 1):
            return
        try:
            os.remove(self._path(number))
        except OSError as error:
            self.failures += 1
            self._note("ring: segment %d stays: %s" % (number, error))
            return
        del self._segments[number]
        if number == self._newest:
            self._lines = _SEGMENT_RECORDS

    def _read(self, number):
        with open(self._path(number), "rb") as file:
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
        if not is_integer(number) or number < 0:
            return False
    return kind in ("bins", "lamp", "keeper") and (at is None or is_integer(at))
