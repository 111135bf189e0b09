"""Who there is: accounts, tokens and links, kept in `people.json`, and what a password, a token or a link opens."""

import hashlib
import hmac
import secrets
import time
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from broker.durable_file import Disk
from broker.people.accounts import Account, Link, PeopleFile, Token, account_id, good_password, last_number, secret_hash
from broker.people.errors import Damaged, Impossible, Missing, Unknown
from broker.people.kept_file import KeptFile, present
from broker.people.passwords import Passwords
from broker.people.roles import BOUND, EVERYWHERE, FIRST_ROLES, Role, Scope, Visitor

PEOPLE, SESSIONS, ROSTERS = "people.json", "sessions.json", "rosters.json"
SHELL_TOKEN = "shell.token"  # noqa: S105  (a file's name: what opens the running bridge to this machine's commands)
LINK_S = 24 * 3600
FIRST_LINK_S = 3600
Kind = TypeVar("Kind", Account, Token)
Guard = Callable[[PeopleFile, PeopleFile], None]  # is given what is kept and what would be, and raises against it


def _anything(_before: PeopleFile, _after: PeopleFile) -> None:
    """Whoever works on the files themselves may do what they like."""


class People:
    """The accounts of one area, in `folder`."""

    def __init__(
        self, folder: Path, *, now: Callable[[], float] = time.time, passwords: Passwords | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.folder = folder
        self._file = KeptFile(folder / PEOPLE, PeopleFile, disk)
        self._now, self._passwords = now, passwords or Passwords()

    def kept(self) -> PeopleFile:
        """All of it; raises Damaged, also where the file is gone and its companions are there: that is no new start."""
        if not present(self._file.path):
            left = next((name for name in (SESSIONS, ROSTERS) if present(self.folder / name)), None)
            if left is not None:
                raise Damaged(
                    f"{self._file.path} is gone ({self.folder / left} is there): bring it back from the last backup; "
                    "to begin with nobody, remove the whole folder"
                )
        return self._file.read()

    def nobody(self) -> bool:
        """Whether there is no account yet, so that the first one is still to be made."""
        return not self.kept().accounts

    def apart(self, name: str, kind: str) -> str:
        """What the record calls somebody of this name who has no account: never by the id of one."""
        ids = {account.casefold() for account in self.kept().accounts}
        return f"{kind} {name}" if name.casefold() in ids else name

    def visitor(self, account: str) -> Visitor | None:
        """An account as a visitor; None where it is not there, or disabled."""
        known = self.kept().accounts.get(account)
        if known is None or known.disabled:
            return None
        return Visitor(account, known.name, frozenset(known.roles), known.scope, _sees_names(known))

    def meant(self, typed: str) -> str:
        """The account that is meant, as a telephone may write it: a capital letter before, a space after."""
        wanted = unicodedata.normalize("NFC", typed.strip()).casefold()
        return next((account for account in self.kept().accounts if account.casefold() == wanted), wanted)

    def by_password(self, account: str, password: str, *, known_here: bool = False) -> Visitor:
        """Whose password it is; raises Unknown, which says nothing of whether there is such an account."""
        known = self.kept().accounts.get(account)
        fits = self._passwords.fits(known.password if known else None, _as_kept(password), known=known_here)
        visitor = self.visitor(account)
        if not fits or visitor is None:
            raise Unknown("no account has this name and this password")
        return visitor

    def by_token(self, token: str) -> Visitor:
        """The machine that a token belongs to; raises Unknown."""
        name, _, secret = token.strip().partition(".")
        known = self.kept().tokens.get(name)
        given = secret_hash(known.salt if known else "", secret)
        if not hmac.compare_digest(known.hash if known else "0" * 64, given) or known is None:
            raise Unknown("this token is not known")
        who = self.apart(known.name, "token")
        return Visitor(who, known.name, frozenset(known.roles), known.scope, _sees_names(known), "token")

    def add(
        self, account: str, name: str, roles: tuple[Role, ...], scope: Scope = EVERYWHERE, sees_names: bool = False,
        guard: Guard = _anything,
    ) -> str:  # fmt: skip
        """Make an account and the key of the link by which its person sets the password."""
        made = account_id(account)

        def added(kept: PeopleFile) -> PeopleFile:
            taken = next((known for known in kept.accounts if known.casefold() == made.casefold()), None)
            if taken is not None:
                raise Impossible(f"{taken} is an account already; an id is never given twice")
            person = _checked(Account, name=name, roles=roles, scope=scope, sees_names=sees_names)
            return kept.model_copy(update={"accounts": {**kept.accounts, made: person}})

        self._change(added, guard)
        return self.link(made)

    def update(self, account: str, guard: Guard = _anything, **fields: Any) -> Account:
        """Change fields of an account; raises Missing where there is none."""

        return self._change(lambda kept: _with(kept, account, **fields), guard).accounts[account]

    def sign_out(self, account: str, guard: Guard = _anything) -> None:
        """End all sessions of an account."""

        def ended(kept: PeopleFile) -> PeopleFile:
            return _with(kept, account, round=_known(kept, account).round + 1)

        self._change(ended, guard)

    def link(self, account: str | None, lasts_s: int = LINK_S, guard: Guard = _anything) -> str:
        """The key of a new link for this account, or for the first one; an older link of it ends. Raises Impossible."""
        key = secrets.token_urlsafe(32)

        def linked(kept: PeopleFile) -> PeopleFile:
            if account is None and kept.accounts:
                raise Impossible("there are accounts already: `people reset ACCOUNT` makes a link for one of them")
            if account is not None:
                _known(kept, account)
            now = int(self._now())
            others = {
                name: link for name, link in kept.links.items() if link.account != account and link.until_at > now
            }
            link = Link(account=account, until_at=now + lasts_s)
            return kept.model_copy(update={"links": {**others, _hash(key): link}})

        self._change(linked, guard)
        return key

    def linked(self, key: str) -> Link:
        """What a link is for; raises Unknown for one that was used, is over or never was."""
        link = self.kept().links.get(_hash(key))
        if link is None or link.until_at <= self._now():
            raise Unknown("this link was used, or its time is over: have a new one made (`python3 -m broker people`)")
        return link

    def use_link(self, key: str, account: str, name: str, password: str) -> Visitor:
        """Set the password of the link's account, or make the first account; the link is used up."""
        link = self.linked(key)
        made = link.account or account_id(account)
        kept_password = self._passwords.hash(good_password(password, made))

        def used(kept: PeopleFile) -> PeopleFile:
            self.linked(key)  # two at once: the second finds it gone
            if link.account is None and kept.accounts:
                raise Unknown("there is an account already: this link is for the first one")
            old = _known(kept, made) if link.account else _checked(Account, name=name, roles=FIRST_ROLES)
            person = old.model_copy(update={"password": kept_password, "round": old.round + 1})
            links = {one: held for one, held in kept.links.items() if one != _hash(key)}
            return kept.model_copy(update={"accounts": {**kept.accounts, made: person}, "links": links})

        self._change(used)
        visitor = self.visitor(made)
        if visitor is None:
            raise Unknown(f"{made} is disabled")
        return visitor

    def add_token(
        self, name: str, roles: tuple[Role, ...], scope: Scope = EVERYWHERE, sees_names: bool = False,
        guard: Guard = _anything,
    ) -> str:  # fmt: skip
        """Make a token for a machine, of a number never given before; it is returned and stored nowhere."""
        salt, secret, made = secrets.token_hex(8), secrets.token_urlsafe(32), ""

        def added(kept: PeopleFile) -> PeopleFile:
            nonlocal made
            made = f"m{1 + max(kept.given, last_number('m', kept.tokens))}"
            token = _checked(
                Token, name=name, roles=roles, scope=scope, sees_names=sees_names, salt=salt,
                hash=secret_hash(salt, secret),
            )  # fmt: skip
            return kept.model_copy(update={"tokens": {**kept.tokens, made: token}})

        self._change(added, guard)
        return f"{made}.{secret}"

    def take_over(self, tokens: Mapping[str, Token]) -> None:
        """Put tokens that exist elsewhere beside ours; raises Impossible where an id is taken."""

        def taken(kept: PeopleFile) -> PeopleFile:
            twice = sorted(set(tokens) & set(kept.tokens))
            if twice:
                raise Impossible(f"{twice[0]} is here already: nothing was taken over")
            return kept.model_copy(update={"tokens": {**kept.tokens, **tokens}})

        self._change(taken)

    def revoke(self, token: str, guard: Guard = _anything) -> None:
        """Take a token away by its id; raises Missing where there is none."""

        def revoked(kept: PeopleFile) -> PeopleFile:
            if token not in kept.tokens:
                raise Missing(f"no token {token[:60]!r}; `people token list` shows them")
            left = {one: held for one, held in kept.tokens.items() if one != token}
            return kept.model_copy(update={"tokens": left, "given": max(kept.given, last_number("m", [token]))})

        self._change(revoked, guard)

    def _change(self, into: Callable[[PeopleFile], PeopleFile], guard: Guard = _anything) -> PeopleFile:
        self.kept()  # one that is gone is not begun anew

        def changed(kept: PeopleFile) -> PeopleFile:
            after = into(kept)
            guard(kept, after)
            return after

        return self._file.change(changed)


def _with(kept: PeopleFile, account: str, **fields: Any) -> PeopleFile:
    person = _checked(Account, **{**_known(kept, account).model_dump(), **fields})
    return kept.model_copy(update={"accounts": {**kept.accounts, account: person}})


def _known(kept: PeopleFile, account: str) -> Account:
    if account not in kept.accounts:
        raise Missing(f"no account {account[:60]!r}; `people list` shows them")
    return kept.accounts[account]


def _checked(kind: type[Kind], **fields: Any) -> Kind:
    """One as it may be kept; raises Impossible with what to give."""
    try:
        made = kind.model_validate(fields)
    except ValidationError as why:
        first = why.errors()[0]
        raise Impossible(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from why
    for role in made.roles:
        if role in BOUND and not getattr(made.scope, BOUND[role]):
            raise Impossible(f"role {role} needs its {BOUND[role]}: --{BOUND[role][:-1]} ID")
    return made


def _sees_names(known: Account | Token) -> bool:
    return known.sees_names or "registrar" in known.roles


def _as_kept(password: str) -> str:
    return unicodedata.normalize("NFKC", password[:1000])


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
