"""A register as JSON, as the visitor may see it."""

from typing import Any

from broker.people.roles import Visitor
from broker.registers.kept.differences import masked_change
from broker.registers.kept.snapshots import Snapshot
from broker.registers.privacy import redacted


def shown_document(which: str, snapshot: Snapshot[Any], visitor: Visitor) -> dict[str, Any]:
    """The document as this visitor may see it."""
    return redacted(snapshot.document) if which == "elections" and not visitor.sees_names else snapshot.document


def shown(which: str, snapshot: Snapshot[Any], visitor: Visitor) -> dict[str, Any]:
    """A snapshot as JSON, as this visitor may see it."""
    outside = snapshot.outside
    return {
        "version": snapshot.version, "etag": snapshot.etag, "changed_at": snapshot.changed_at,
        "warnings": list(snapshot.warnings), "document": shown_document(which, snapshot, visitor),
        "outside_edit": outside and {
            "etag": outside.etag,
            "problems": [problem.as_json() for problem in outside.problems],
            "changes": [masked_change(change).as_json() for change in outside.changes],
        },
    }
