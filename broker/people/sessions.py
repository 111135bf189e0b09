"""Who is signed in: kept in `sessions.json`, so that a restart signs nobody out, and looked up at each request."""

import hashlib
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from broker.durable_file import Disk
from broker.people.accounts import Seen, Session, SessionsFile
from broker.people.kept_file import KeptFile
from broker.people.people import SESSIONS, People
from broker.people.roles import Visitor

SESSION_S = 12 * 3600  # a shift and its handing over
WATCHING_S = 100 * 24 * 3600  # who may only look: a screen on a wall is signed in once
MOST_OF_ONE = 20  # the oldest ends first
MOST_PLACES = 40  # browsers and networks of one account; who was not at one for so long is new there:
PLACE_S = 400 * 24 * 3600


class Sessions:
    """The sessions of one area's people."""

    def __init__(self, people: People, *, now: Callable[[], float] = time.time, disk: Disk | None = None) -> None:
        self._people, self._now = people, now
        self._file = KeptFile(people.folder / SESSIONS, SessionsFile, disk, "remove it, and everybody signs in anew")
        self._unkept: dict[str, Session] = {}
        self._ended: set[str] = set()  # of those that are still in a file that could not be written

    def begin(self, visitor: Visitor, places: Collection[str] = ()) -> tuple[str, int]:
        """The cookie of a new session of this account, and for how many seconds it is good; `places` are where from."""
        cookie, now = secrets.token_urlsafe(32), int(self._now())
        lasts_s = _lasts_s(visitor)
        round_ = self._people.kept().accounts[visitor.who].round
        made = Session(account=visitor.who, round=round_, since_at=now, until_at=now + lasts_s)

        def begun(kept: SessionsFile) -> SessionsFile:
            live = {one: held for one, held in kept.sessions.items() if held.until_at > now}
            own = sorted((held.since_at, one) for one, held in live.items() if held.account == visitor.who)
            for _, one in own[: max(0, len(own) - MOST_OF_ONE + 1)]:
                del live[one]
            seen = {**kept.seen, visitor.who: _seen(kept.seen.get(visitor.who), places, now)}
            return kept.model_copy(update={"sessions": {**live, _hash(cookie): made}, "seen": seen})

        try:
            self._file.change(begun)
        except OSError:  # a full disk: somebody must be able to act on what it says, until the next start
            self._unkept[_hash(cookie)] = made
        return cookie, lasts_s

    def last_at(self) -> dict[str, int]:
        """When each account signed in last, as far as that is known. Raises Damaged."""
        return {account: seen.at for account, seen in self._file.read().seen.items()}

    def signed_in(self) -> dict[str, int]:
        """How many sessions each account has now. Raises Damaged."""
        accounts, now = self._people.kept().accounts, self._now()
        found: dict[str, int] = {}
        for held in self._file.read().sessions.values():
            account = accounts.get(held.account)
            if held.until_at > now and account is not None and account.round == held.round:
                found[held.account] = found.get(held.account, 0) + 1
        return found

    def was_at(self, account: str, place: str) -> bool:
        """Whether the account signed in at this browser, or from this network, before. Raises Damaged."""
        seen = self._file.read().seen.get(account)
        return seen is not None and _hash(place) in seen.places

    def visitor(self, cookie: str) -> Visitor | None:
        """Whose session a cookie is, with what they may do now; None when it is over or never was. Raises Damaged."""
        name, now = _hash(cookie), self._now()
        held = self._file.read().sessions.get(name) or self._unkept.get(name)
        if held is None or name in self._ended or held.until_at <= now:
            return None
        account = self._people.kept().accounts.get(held.account)
        if account is None or account.round != held.round:
            return None
        visitor = self._people.visitor(held.account)
        if visitor is not None and held.since_at + _lasts_s(visitor) <= now:  # they may more than when it began
            return None
        return visitor

    def end(self, cookie: str) -> None:
        """Whoever kept this cookie is nobody from now on; where a full disk keeps it in the file, until a restart."""
        gone = _hash(cookie)
        self._unkept.pop(gone, None)
        if gone not in self._file.read().sessions:
            return
        self._ended.add(gone)
        with suppress(OSError):
            self._file.change(
                lambda kept: kept.model_copy(
                    update={"sessions": {one: held for one, held in kept.sessions.items() if one != gone}}
                )
            )
            self._ended.discard(gone)


def _seen(before: Seen | None, places: Collection[str], now: int) -> Seen:
    known = {} if before is None else {one: at for one, at in before.places.items() if at > now - PLACE_S}
    known |= {_hash(place): now for place in places}
    newest = sorted(known, key=lambda one: -known[one])[:MOST_PLACES]
    return Seen(at=now, places={one: known[one] for one in newest})


def _lasts_s(visitor: Visitor) -> int:
    return WATCHING_S if visitor.roles == {"viewer"} else SESSION_S


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
