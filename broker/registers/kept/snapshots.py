"""What reading a register gives: the last good version, and the edit of other hands if there is one."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from broker.registers.errors import Problem
from broker.registers.kept.differences import Change

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OutsideEdit:
    """What other hands did to the file: readable (`document` and `changes`) or not (`problems`)."""

    etag: str | None
    document: dict[str, Any] | None
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """The register as last saved through this program; `warnings` are for the operator."""

    value: T
    document: dict[str, Any]
    etag: str
    version: int
    changed_at: int
    outside: OutsideEdit | None = None
    warnings: tuple[str, ...] = ()
