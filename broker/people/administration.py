"""What may be changed about people over the web: a rule over what is kept before and after, and the deeds under it.

Who looks after the people (a supervisor) gives any role that is for one purpose: a place, a truck, a firm, the scales,
to look. One of those that run the area (FIRST_ROLES), and the sight of names, gives only who holds it. Nobody changes
their own account, nobody acts on an old version, and somebody who can look after the people is always left. The
commands of the machine are not bound by this.
"""

import hashlib
from collections.abc import Collection, Iterable
from typing import Any

from broker.people.access_log import open_access_log
from broker.people.accounts import Account, PeopleFile, Token, account_id
from broker.people.errors import Changed, Impossible, Missing, NotAllowed
from broker.people.people import Guard, People
from broker.people.roles import FIRST_ROLES, ROLES, Role, Scope, Visitor

ADMINISTRATOR: Role = "supervisor"
NAMES = "names"  # the right to see names in the registers


def version_of(held: Account | Token) -> str:
    """Of what is kept of somebody; another one after each change."""
    return hashlib.sha256(held.model_dump_json().encode()).hexdigest()[:16]


def powers(held: Account | Token | Visitor) -> set[str]:
    """What somebody must hold to give it to another: the roles that run the area, and the sight of names."""
    names = {NAMES} if held.sees_names or "registrar" in held.roles else set()
    return {*held.roles} & {*FIRST_ROLES} | names


def permitted(by: Visitor, before: PeopleFile, after: PeopleFile) -> None:
    """Raises NotAllowed for a change that `by` may not make."""
    known = before.accounts.get(by.who) if by.kind == "account" else None
    if by.kind == "account" and (known is None or known.disabled or ADMINISTRATOR not in known.roles):
        raise NotAllowed("you look after the people no longer")
    given: set[str] = set()
    for one, held in after.accounts.items():
        was = before.accounts.get(one)
        if was != held:
            _not_oneself(by, one)
            given |= set() if held.disabled else powers(held) - (_held(was) if was is not None else set())
    for number, token in after.tokens.items():
        if before.tokens.get(number) != token:
            given |= powers(token)
    for key in after.links.keys() - before.links.keys():  # whoever has it is this account
        account = after.links[key].account
        if account is not None and account in before.accounts:
            _not_oneself(by, account)
            given |= powers(after.accounts[account])
    if lacking := sorted(given - powers(by)):
        raise NotAllowed(f"this gives {', '.join(lacking)}, which only who has it may give")
    if _administrators(before) and not _administrators(after):
        raise NotAllowed("this is the last account that looks after the people: make another one supervisor first")


def _held(was: Account) -> set[str]:
    return set() if was.disabled else powers(was)


def _not_oneself(by: Visitor, account: str) -> None:
    if by.kind == "account" and by.who == account:
        raise NotAllowed("nobody changes their own account: another supervisor does, or a command of this machine")


def _administrators(kept: PeopleFile) -> set[str]:
    """Who can look after the people: with a password, or nobody has one (a demo)."""
    able = {one for one, held in kept.accounts.items() if ADMINISTRATOR in held.roles and not held.disabled}
    signing_in = {one for one in able if kept.accounts[one].password is not None}
    return signing_in or (able if all(held.password is None for held in kept.accounts.values()) else set())


class Administration:
    """The deeds, each noted in the access log; `estates` and `trucks` are those that there are."""

    def __init__(self, people: People, estates: Iterable[str], trucks: Iterable[str]) -> None:
        self.people = people
        self.estates, self.trucks = tuple(sorted(estates)), tuple(sorted(trucks))
        self.log = open_access_log(people.folder)

    def add(self, by: Visitor, account: str, **fields: Any) -> tuple[str, str]:
        """Make an account; its id as it is kept, and the key of the link by which its person sets the password."""
        self._scope_is_known(fields)
        key = self.people.add(account, **fields, guard=lambda before, after: permitted(by, before, after))
        made = account_id(account)
        self._note(by, "add account", made, fields)
        return made, key

    def change(self, by: Visitor, account: str, version: str, **fields: Any) -> Account:
        """Other fields of an account, as it was looked at; one that is disabled is signed out, too."""
        self._scope_is_known(fields)
        if fields.get("disabled"):
            fields["round"] = self._known(account).round + 1
        made = self.people.update(account, self._of_account(by, account, version), **fields)
        self._note(by, "change account", account, {name: of for name, of in fields.items() if name != "round"})
        return made

    def sign_out(self, by: Visitor, account: str, version: str) -> None:
        """End all sessions of an account."""
        self.people.sign_out(account, self._of_account(by, account, version))
        self._note(by, "sign out account", account, {})

    def link(self, by: Visitor, account: str, version: str) -> str:
        """The key of a link by which the account's person sets a new password; an older one ends."""
        key = self.people.link(account, guard=self._of_account(by, account, version))
        self._note(by, "new link", account, {})
        return key

    def add_token(self, by: Visitor, **fields: Any) -> str:
        """Make a token for a machine; it is returned and stored nowhere."""
        self._scope_is_known(fields)
        token = self.people.add_token(**fields, guard=lambda before, after: permitted(by, before, after))
        self._note(by, "add token", token.partition(".")[0], fields)
        return token

    def revoke(self, by: Visitor, token: str, version: str) -> None:
        """Take a token away, as it was looked at."""

        def guard(before: PeopleFile, after: PeopleFile) -> None:
            _same(before.tokens.get(token), version)
            permitted(by, before, after)

        self.people.revoke(token, guard)
        self._note(by, "revoke token", token, {})

    def _of_account(self, by: Visitor, account: str, version: str) -> Guard:
        def guard(before: PeopleFile, after: PeopleFile) -> None:
            _same(before.accounts.get(account), version)
            permitted(by, before, after)

        return guard

    def _known(self, account: str) -> Account:
        known = self.people.kept().accounts.get(account)
        if known is None:
            raise Missing(f"no account {account[:60]!r}; `people list` shows them")
        return known

    def _scope_is_known(self, fields: dict[str, Any]) -> None:
        """One that is mistyped would reach nothing, and nobody would be told."""
        scope: Scope = fields.get("scope") or Scope()
        found: tuple[tuple[str, Collection[str], Collection[str]], ...] = (
            ("estate", scope.estates, self.estates), ("truck", scope.trucks, self.trucks)
        )  # fmt: skip
        for kind, given, known in found:
            if strange := sorted(set(given) - set(known)):
                raise Impossible(f"the plan knows no {kind} {strange[0][:40]!r}")

    def _note(self, by: Visitor, action: str, about: str, fields: dict[str, Any]) -> None:
        """Write down who did what; how somebody is called stands in the people's own file alone."""
        said = " ".join(name if name == "name" else f"{name}={_plain(of)}" for name, of in fields.items())
        self.log.note(by.who, by.all_roles(), action, f"{about} {said}".strip())


def _same(held: Account | Token | None, version: str) -> None:
    if held is not None and version_of(held) != version:
        raise Changed("somebody changed this since you looked at it: look again")


def _plain(given: Any) -> str:
    if isinstance(given, Scope):
        return ",".join([*given.estates, *given.trucks, *given.contractors]) or "-"
    return ",".join(given) if isinstance(given, tuple) else str(given)


def sorted_roles(roles: Iterable[str]) -> tuple[Role, ...]:
    """Roles in their order, each once."""
    wanted = set(roles)
    return tuple(role for role in ROLES if role in wanted)
