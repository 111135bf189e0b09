"""The roles, what each is for, and how far an account reaches."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Role = Literal[
    "dispatcher", "crew", "keeper", "property", "contractor", "technician", "registrar", "supervisor", "viewer",
    "weigher", "enforcement", "committee", "fire_brigade",
]
ROLES: tuple[Role, ...] = get_args(Role)
# Those who act for one place, truck or firm: without one of its kind in their scope they reach nothing.
BOUND: dict[Role, str] = {
    "crew": "trucks", "keeper": "estates", "property": "estates", "contractor": "contractors", "committee": "estates",
    "fire_brigade": "estates",
}  # fmt: skip
FIRST_ROLES: tuple[Role, ...] = ("dispatcher", "technician", "registrar", "supervisor")  # of who sets the house up


class Scope(BaseModel):
    """Which estates, trucks and contractors an account speaks for; the roles that are not bound reach everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    estates: tuple[str, ...] = ()
    trucks: tuple[str, ...] = ()
    contractors: tuple[str, ...] = ()


EVERYWHERE = Scope()  # what the roles that are not bound need


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever makes a request, and what they may do; `who` is what the record will say."""

    who: str
    name: str
    roles: frozenset[str]
    scope: Scope = EVERYWHERE
    sees_names: bool = False
    kind: Literal["account", "token", "shell", "local"] = "account"

    def all_roles(self) -> str:
        """The roles in one text, for a log."""
        return " ".join(sorted(self.roles))

    def reach(self, roles: Collection[str]) -> "Reach":
        """How far these of the visitor's roles reach together."""
        own = self.roles & set(roles)
        if any(role not in BOUND for role in own):
            return Reach(everything=True)
        kinds = {kind for role, kind in BOUND.items() if role in own}
        return Reach(False, *(frozenset(getattr(self.scope, kind) if kind in kinds else ()) for kind in _KINDS))


@dataclass(frozen=True, slots=True)
class Reach:
    """What a right is good for: everything, or what belongs to these."""

    everything: bool = False
    estates: frozenset[str] = frozenset()
    trucks: frozenset[str] = frozenset()
    contractors: frozenset[str] = frozenset()

    def holds(self, *, estate: str | None = None, truck: str | None = None, contractor: str | None = None) -> bool:
        """Whether something of this estate, truck or contractor is within."""
        return (
            self.everything or estate in self.estates or truck in self.trucks or contractor in self.contractors
        )  # fmt: skip


_KINDS = ("estates", "trucks", "contractors")
LOCAL_VIEWER = Visitor("this machine", "this machine", frozenset({"viewer"}), kind="local")
