"""What of a TinyDB query a database can answer itself: comparisons on the columns of a record, as a WHERE.

The WHERE finds a superset, and TinyDB's own condition is then asked about each document; where the columns answer the
whole of a query it is not asked again, which a test against stock TinyDB holds. What a query compares is read from its
hash value, which TinyDB keeps under a private name: here and nowhere else.
"""

import math
from collections.abc import Hashable
from typing import Any, NamedTuple

from tinydb.queries import QueryLike

from broker.store import codec

TEXTS = frozenset({"id", "kind", "key"})
NUMBERS = frozenset({"at"})
_COMPARISONS = frozenset({"==", "<", "<=", ">", ">="})
_NEVER = "0 = 1"
_LARGEST = 1 << 63


class Where(NamedTuple):
    """An SQL condition and its values, in their order; `whole` if it finds what the query asks for and no more."""

    sql: str
    values: list[Any]
    whole: bool = True


def where_of(query: QueryLike | None, mark: str = "?") -> Where | None:
    """The part of a query that the columns can answer, `mark` for each value; None if that is no part of it."""
    shape = getattr(query, "_hash", None)
    return _where(shape, mark) if isinstance(shape, tuple) and shape else None


def _where(shape: tuple[Hashable, ...], mark: str) -> Where | None:
    match shape:
        case ("and", frozenset() as parts):
            found = [where for where in _parts(parts, mark) if where is not None]
            return _joined(" AND ", found, whole=len(found) == len(parts)) if found else None
        case ("or", frozenset() as parts):
            found = [where for where in _parts(parts, mark) if where is not None]
            return _joined(" OR ", found, whole=True) if len(found) == len(parts) else None
        case (str() as comparison, (str() as column,), value) if comparison in _COMPARISONS:
            return _compared(column, "=" if comparison == "==" else comparison, value, mark)
        case ("one_of", (str() as column,), (*values,)):
            found = [where for where in (_compared(column, "=", value, mark) for value in values) if where is not None]
            if not values or len(found) < len(values):
                return None
            known = [value for where in found for value in where.values]
            return Where(f"{column} IN ({', '.join(mark for _ in known)})", known) if known else Where(_NEVER, [])
    return None


def _parts(shapes: frozenset[Any], mark: str) -> list[Where | None]:
    # In one order whatever the hash of the day: the database keeps the plan of a text it knows.
    return [_where(shape, mark) if isinstance(shape, tuple) else None for shape in sorted(shapes, key=repr)]


def _joined(word: str, found: list[Where], whole: bool) -> Where:
    sql = word.join(where.sql for where in found)
    values = [value for where in found for value in where.values]
    return Where(f"({sql})" if len(found) > 1 else sql, values, whole and all(where.whole for where in found))


def _compared(column: str, sign: str, value: Any, mark: str) -> Where | None:
    if column in TEXTS and isinstance(value, str):
        if not codec.is_text(value):
            # No record has such a text, and a database may refuse to be asked for it.
            return Where(_NEVER, []) if sign == "=" else None
        return Where(f"{column} {sign} {mark}", [str(value)])
    if column in NUMBERS and isinstance(value, int | float) and math.isfinite(value) and abs(value) < _LARGEST:
        return Where(f"{column} {sign} {mark}", [value])
    return None
