"""Passwords: argon2id, one at a time, and as slow for an account that is not there."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from broker.people.errors import TooSoon

WAIT_S = 5.0  # for one's turn: each costs some ten megabytes and as many milliseconds
MOST_WAITING = 4  # of whoever; the others are refused at once, so that a crowd takes no thread from those who work
MOST_KNOWN = 12  # with those who come from where they signed in before


class Passwords:
    """Makes and checks hashes; the library's own strength, unless another `hasher` is given."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = threading.Lock()
        self._queue, self._waiting = threading.Lock(), 0
        self._nobodys: str | None = None  # made when it is needed: it takes as long as any other

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._turn:
            return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str, *, known: bool = False) -> bool:
        """Whether it is the password of this hash; None takes as long and is no. Raises TooSoon in a crowd.

        Who is `known` where they sign in is let into a larger one.
        """
        with self._queue:
            if self._waiting >= (MOST_KNOWN if known else MOST_WAITING):
                raise TooSoon(int(WAIT_S), "too many sign in at once")
            self._waiting += 1
        try:
            if not self._turn.acquire(timeout=WAIT_S):
                raise TooSoon(int(WAIT_S), "too many sign in at once")
            try:
                if self._nobodys is None:
                    self._nobodys = self._hasher.hash("nobody has this password")
                return self._hasher.verify(kept or self._nobodys, password) and kept is not None
            except (VerificationError, InvalidHashError):
                return False
            finally:
                self._turn.release()
        finally:
            with self._queue:
                self._waiting -= 1
