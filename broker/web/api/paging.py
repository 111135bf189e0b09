"""Long lists in pages: `limit` rows after `after`, and a `Link` to what comes next (RFC 8288); without them, all rows.

`after` is where a page ended, in a form that is ours alone: the place in the list's order, not a count, so that what
comes in meanwhile moves nothing, and a row that is gone is missed by nobody.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, HTTPException, Query, Request, Response

MOST_ROWS = 1000
LONGEST_AFTER = 1000
One = TypeVar("One")
Limit = Annotated[int | None, Query(ge=1, le=MOST_ROWS, description="rows of a page; without it: all there are")]
After = Annotated[
    str | None, Query(max_length=LONGEST_AFTER, description="where the page before ended, as its Link header says")
]


class Paging:
    """The page that a request asks for."""

    def __init__(self, request: Request, response: Response, limit: Limit = None, after: After = None) -> None:
        self.limit, self._after = limit, after
        self._url, self._response = request.url, response
        self.headers: dict[str, str] = {}

    @property
    def left_at(self) -> Any:
        """By what the last row of the page before was placed first; None on the first page."""
        place = _place_of(self._after) if self._after is not None else []
        return place[0] if place else None

    def left(self, *types: type) -> tuple[Any, ...] | None:
        """Where the page before ended, None on the first page; raises HTTPException unless its parts are of `types`."""
        if self._after is None:
            return None
        place = _place_of(self._after)
        if len(place) != len(types) or any(type(part) is not one for part, one in zip(place, types, strict=True)):
            raise strange()
        return tuple(place)

    def page(
        self, rows: Iterable[One], place: Callable[[One], tuple[Any, ...]], most: int | None = None
    ) -> list[One]:
        """The page's rows by their place, the smallest first, `most` where no limit is asked for; raises HTTPException
        for an `after` that is not ours."""
        limit = self.limit or most
        ordered = sorted(rows, key=place)
        if self._after is not None:
            left = _place_of(self._after)
            try:
                ordered = [row for row in ordered if list(place(row)) > left]
            except TypeError as why:
                raise strange() from why
        if limit is None or len(ordered) <= limit:
            return ordered
        shown = ordered[:limit]
        after = base64.urlsafe_b64encode(orjson.dumps(place(shown[-1]))).decode().rstrip("=")
        self.headers["Link"] = f'<{self._url.path}?{self._url.include_query_params(after=after).query}>; rel="next"'
        self._response.headers.update(self.headers)
        return shown


Paged = Annotated[Paging, Depends(Paging)]


def _place_of(after: str) -> list[Any]:
    try:
        found = orjson.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (binascii.Error, ValueError) as why:
        raise strange() from why
    if not isinstance(found, list):
        raise strange()
    return found


def strange() -> HTTPException:
    """What is said to an `after` that is not ours."""
    return HTTPException(422, "after: this is no place in the list; take it from the Link header of the page before")
