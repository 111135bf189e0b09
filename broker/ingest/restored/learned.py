"""What the prediction had learned, brought back from its records."""

from collections.abc import Callable

from broker.ingest.restored.reading import Reading
from broker.rules.learning.observations import DwellRecord, ErrorRecord, LegRecord, StartRecord
from broker.store import Record

HISTORY_BACK_S = 42 * 86400


def learn(reading: Reading) -> None:
    """What the prediction has seen of ways, stays and its own errors."""
    history = reading.day.history

    def errors(record: Record) -> None:
        for error in record.body["errors"]:
            history.learn_error(ErrorRecord.from_body(error))
        history.bands.go_on_from(record.body.get("widths", {}))

    learn: dict[str, Callable[[Record], None]] = {
        "leg": lambda record: history.learn_leg(LegRecord.from_body(record.body)),
        "dwell": lambda record: history.learn_dwell(DwellRecord.from_body(record.body)),
        "start": lambda record: history.learn_start(StartRecord.from_body(record.body)),
        "error": errors,
    }
    for kind, take in learn.items():
        reading.each(reading.store.scan(kind, from_at=reading.now - HISTORY_BACK_S), take)
