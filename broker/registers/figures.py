"""Computed figures: shares and means with what they were computed from, and how they are printed.

A share is never stored. Shares are printed rounded half up; ages are printed rounded down, the way a
person's age is (see docs/decisions/0501).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

DASH = "–"
LISTED = 20  # entries of one list in a report, on a page or a terminal


@dataclass(frozen=True, slots=True)
class Share:
    """`numerator` of `denominator`; `not_stated` records could be counted on neither side."""

    numerator: int
    denominator: int
    not_stated: int = 0

    def text(self, decimals: int = 1) -> str:
        """`57.8 %`, trailing zeros dropped; a dash where nothing was stated."""
        if self.denominator == 0:
            return DASH
        return f"{_quotient(100 * self.numerator, self.denominator, decimals, ROUND_HALF_UP)} %"

    def ratio(self) -> float | None:
        """The share as 0..1 for drawing, or None."""
        return self.numerator / self.denominator if self.denominator else None

    def as_json(self, decimals: int = 1) -> dict[str, Any]:
        """Plain JSON with both numbers and the printed text."""
        return {
            "kind": "share", "numerator": self.numerator, "denominator": self.denominator,
            "not_stated": self.not_stated, "text": self.text(decimals),
        }


@dataclass(frozen=True, slots=True)
class Mean:
    """`total` years over `count` people; `not_stated` people have no exact age."""

    total: int
    count: int
    not_stated: int = 0

    def text(self, decimals: int = 2) -> str:
        """`44.87`, rounded down, trailing zeros dropped; a dash where nothing was stated."""
        if self.count == 0:
            return DASH
        return _quotient(self.total, self.count, decimals, ROUND_DOWN)

    def as_json(self, decimals: int = 2) -> dict[str, Any]:
        """Plain JSON with both numbers and the printed text."""
        return {
            "kind": "mean", "numerator": self.total, "denominator": self.count, "not_stated": self.not_stated,
            "text": self.text(decimals),
        }


@dataclass(frozen=True, slots=True)
class Number:
    """A plain count; None where nothing was stated, `not_stated` records that could not be asked."""

    value: int | None
    not_stated: int = 0

    def text(self, decimals: int = 0) -> str:  # noqa: ARG002 - the same call for every figure
        """The number, or a dash."""
        return DASH if self.value is None else str(self.value)

    def as_json(self, decimals: int = 0) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "kind": "number", "value": self.value, "not_stated": self.not_stated, "text": self.text(decimals),
        }


Figure = Share | Mean | Number


def share_of(answers: Iterable[bool | None]) -> Share:
    """The share of yes among the stated answers; None is not stated."""
    listed = list(answers)
    stated = [answer for answer in listed if answer is not None]
    return Share(sum(stated), len(stated), len(listed) - len(stated))


def count_of(answers: Iterable[bool | None]) -> Number:
    """How many said yes; not stated (never 0) where there are records but none states it."""
    share = share_of(answers)
    unknown = share.denominator == 0 and share.not_stated > 0
    return Number(None if unknown else share.numerator, share.not_stated)


def mean_of(values: Iterable[int | None]) -> Mean:
    """The mean of the stated values; None is not stated."""
    listed = list(values)
    stated = [value for value in listed if value is not None]
    return Mean(sum(stated), len(stated), len(listed) - len(stated))


def _quotient(numerator: int, denominator: int, decimals: int, rounding: str) -> str:
    exact = Decimal(numerator) / Decimal(denominator)
    text = str(exact.quantize(Decimal(1).scaleb(-decimals), rounding=rounding))
    return text.rstrip("0").rstrip(".") if "." in text else text
