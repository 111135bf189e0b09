"""What is kept of people and machines: accounts, tokens, and the links by which passwords are set."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from broker.people.errors import Impossible
from broker.people.roles import Role, Scope
from broker.plain_text import ONE_LINE

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
_ID = re.compile(r"\w[\w.-]{0,39}")  # letters of any script


def account_id(text: str) -> str:
    """The id as it is kept; raises Impossible where it cannot be one."""
    made = unicodedata.normalize("NFC", text.strip())
    if _ID.fullmatch(made) is None:
        raise Impossible(f"{text[:60]!r} is no account: give 1 to 40 letters, digits, points, - or _, without spaces")
    return made


def good_password(password: str, account: str) -> str:
    """The password as it is hashed; raises Impossible where it is too easy or too long."""
    made = unicodedata.normalize("NFKC", password)
    if not SHORTEST_PASSWORD <= len(made) <= LONGEST_PASSWORD:
        raise Impossible(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if len(set(made)) < SHORTEST_PASSWORD // 2 or made.casefold().strip("0123456789") == account.casefold():
        raise Impossible("this password is guessed at once: take some words that belong together for nobody else")
    return made


def secret_hash(salt: str, secret: str) -> str:
    """What is stored of 256 random bits: nobody guesses them, so a slow hash would add nothing."""
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()


def _is_id(text: str) -> str:
    if account_id(text) != text:
        raise ValueError("is no account's id")
    return text


Id = Annotated[str, AfterValidator(_is_id)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=ONE_LINE)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Account(_Kept):
    """A person; without a password nobody can sign in as them until their link was used."""

    name: Name
    roles: tuple[Role, ...]
    scope: Scope = Scope()
    sees_names: bool = False
    password: str | None = None
    disabled: bool = False
    round: int = 0  # sessions of an earlier one are over: the password is another, or all were signed out


class Token(_Kept):
    """A machine."""

    name: Name
    roles: tuple[Role, ...]
    scope: Scope = Scope()
    sees_names: bool = False
    salt: str
    hash: Hash


class Link(_Kept):
    """A way to set a password, once and until a time; without an account it makes the first one."""

    account: Id | None
    until_at: int


class PeopleFile(_Kept):
    """`people.json`; links are named by the hash of their key."""

    format: Literal[1] = 1
    accounts: dict[Id, Account] = {}
    tokens: dict[str, Token] = {}
    given: int = 0  # the highest number of a token that was taken away: the log says it of one machine alone
    links: dict[Hash, Link] = {}


def last_number(letter: str, names: Iterable[str]) -> int:
    """The highest of names such as m3; 0 where there is none."""
    return max((int(one[1:]) for one in names if one[:1] == letter and one[1:].isdecimal()), default=0)


class Session(_Kept):
    """Who is signed in, since when and until when."""

    account: Id
    round: int
    since_at: int
    until_at: int


class Seen(_Kept):
    """When an account signed in last, and where it did: browsers and networks by their hashes, with when last."""

    at: int
    places: dict[Hash, int] = {}


class SessionsFile(_Kept):
    """`sessions.json`, by the hash of the cookie: who reads the file can take nobody's place."""

    format: Literal[1] = 1
    sessions: dict[Hash, Session] = {}
    seen: dict[Id, Seen] = {}
