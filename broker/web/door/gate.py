"""Who makes a request, and whether they may: asked of each one before any of its body is read.

A person comes with the cookie of a session, a machine with a token as HTTP bearer, a command of this machine with the
token that the running bridge leaves beside its people. Nobody at all is let in from this very machine, to look, while
there is no account, or where [people] one_click says that this is a demo.
"""

import hmac
import logging
import re
import secrets
from collections.abc import Callable
from urllib.parse import quote, unquote

from fastapi import Request
from starlette.requests import HTTPConnection

from broker.durable_file import Disk, write_durably
from broker.people.access_log import open_access_log
from broker.people.accounts import Account
from broker.people.attempts.kept import KeptAttempts
from broker.people.attempts.limits import Limits, network_of
from broker.people.attempts.wrong import WrongSignIns
from broker.people.errors import Damaged, Unknown
from broker.people.people import SHELL_TOKEN, People
from broker.people.roles import LOCAL_VIEWER, Visitor
from broker.people.sessions import Sessions
from broker.plain_text import hidden_character
from broker.web.door.repeats import Repeats
from broker.web.door.rights import Right, right_to, rights_on, who_may
from broker.web.problems import Refusal

log = logging.getLogger("zhanpai.web")

COOKIE = "zhanpai_session"
DEVICE_COOKIE = "zhanpai_device"  # opens nothing: it says that somebody signed in here before
DEVICE = re.compile(r"[\w-]{43}", re.ASCII)
SHELL = "shell"
WHO_HEADER = "zhanpai-who"
SHELL_ROLES = frozenset({"dispatcher", "technician", "supervisor"})
LONGEST_NAME = 80
LOOPBACK = frozenset({"127.0.0.1", "::1"})
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Gate:
    """The door of one bridge's web."""

    def __init__(self, people: People, sessions: Sessions, *, one_click: bool = False) -> None:
        self.people, self.sessions, self.one_click = people, sessions, one_click
        self.limits = Limits()
        self.repeats = Repeats(people.folder / "deeds")
        self._log = open_access_log(people.folder)
        self.wrong = WrongSignIns(self._log)
        self._attempts = KeptAttempts(people.folder, self.limits, self.wrong, lambda: people.kept().accounts)
        self._shell = secrets.token_urlsafe(32)

    def open_to_shell(self) -> None:
        """Leave the token for commands of this machine beside the people; another one at each start."""
        folder = self.people.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(Disk(), folder / SHELL_TOKEN, f"{SHELL}.{self._shell}\n".encode())

    def admit(self, request: Request) -> Right:
        """Let it pass or raise Refusal; the visitor, their reach and `still` are left in the request's state."""
        path: str = request.scope["path"]  # what is routed by: of the URL a %3F would cut the end off
        right = right_to(request.method, path)
        if right is None:
            allowed = sorted({row.route.partition(" ")[0] for row in rights_on(path)})
            if allowed:
                raise Refusal(405, f"{path} takes {', '.join(allowed)}", {"Allow": ", ".join(allowed)})
            raise Refusal(404, "there is nothing here by this name; /docs lists what there is")
        try:
            visitor = self.visitor_of(request)
        except Damaged:
            if not right.anybody:
                raise
            visitor = None  # health is told to whoever watches, and the page has its style
        request.state.visitor = visitor
        if visitor is None and not right.anybody:
            if right.page and request.method == "GET":
                raise Refusal(303, "sign in", {"Location": f"/sign-in?next={quote(_wanted(request))}"})
            raise Refusal(401, "sign in, or send a machine's token as HTTP bearer", {"WWW-Authenticate": "Bearer"})
        if visitor is not None and not right.open_to(visitor):
            own = ", ".join(sorted(visitor.roles))
            raise Refusal(403, f"{visitor.name} ({own}) may not do this; it is for: {who_may(right)}", page=right.page,
                          roles=right.roles)  # fmt: skip
        request.state.reach = right.reach_of(visitor) if visitor is not None else None
        request.state.still = self._still(request)
        return right

    def may_send(self, request: Request, size: int) -> None:
        """Raises TooSoon where this visitor, or this address, has sent too much lately."""
        visitor, address = request.state.visitor, self.address_of(request)
        self.limits.may_send(visitor.who if visitor is not None else address, address, size)

    def visitor_of(self, request: HTTPConnection) -> Visitor | None:
        """Who asks; None for nobody. Raises Refusal for a token that opens nothing, TooSoon after many of them."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_token(request, token)
        cookie = request.cookies.get(COOKIE)
        known = self.sessions.visitor(cookie) if cookie else None
        if known is None and _is_here(request) and (self.one_click or self.people.nobody()):
            return LOCAL_VIEWER
        return known

    def was_wrong(self, account: str, address: str, known: str | None) -> None:
        """A password was: it is counted and kept."""
        self.limits.was_wrong(account, address, known)
        self.wrong.note(account if account in self.people.kept().accounts else None, address)
        self._attempts.keep()

    def note(self, request: HTTPConnection, visitor: Visitor, action: str) -> None:
        """Write down who came, went, or has a new password; on a disk that takes nothing it is said in the log only."""
        try:
            self._log.note(visitor.who, visitor.all_roles(), action, f"from {self.address_of(request)}")
        except OSError as why:
            log.warning("%s: %s, which could not be noted down (%s)", visitor.who, action, why)

    def address_of(self, request: HTTPConnection) -> str:
        """Whose attempts are counted together."""
        return request.client.host if request.client else ""

    def places_of(self, request: HTTPConnection) -> tuple[str, ...]:
        """Where somebody signs in: the browser, if it has signed in before, and the network."""
        device = request.cookies.get(DEVICE_COOKIE, "")
        network = f"network {network_of(self.address_of(request))}"
        return (f"device {device}", network) if DEVICE.fullmatch(device) else (network,)

    def known_place(self, request: HTTPConnection, account: str) -> str | None:
        """The place of these at which the account signed in before; None for a strange one. Raises Damaged."""
        return next((place for place in self.places_of(request) if self.sessions.was_at(account, place)), None)

    def clicked(self, request: HTTPConnection) -> dict[str, Account]:
        """Whom whoever asks may become by a click: anybody in a demo on this very machine, else nobody."""
        if not self.one_click or not _is_here(request):
            return {}
        return {one: held for one, held in self.people.kept().accounts.items() if not held.disabled}

    def _by_token(self, request: HTTPConnection, token: str) -> Visitor:
        """A right one is always let in: nobody guesses it, and behind a proxy everybody has one address."""
        name, _, secret = token.strip().partition(".")
        if name == SHELL and hmac.compare_digest(secret.encode(), self._shell.encode()):
            return self._shells(request)
        try:
            return self.people.by_token(token)
        except Unknown as why:
            address = self.address_of(request)
            self.limits.may_open("token", address)
            self.limits.opened_nothing("token", address)
            raise Refusal(401, f"{why}; have a new one made", {"WWW-Authenticate": "Bearer"}) from why

    def _shells(self, request: HTTPConnection) -> Visitor:
        """Who works on this machine, by the name that the command gives."""
        who = unquote(request.headers.get(WHO_HEADER, "")).strip() or "this machine"  # percent-encoded
        if len(who) > LONGEST_NAME or hidden_character(who):
            raise Refusal(400, f"who: give a name of at most {LONGEST_NAME} characters that can all be seen")
        return Visitor(self.people.apart(who, SHELL), who, SHELL_ROLES, kind="shell")

    def _still(self, request: Request) -> Callable[[], bool]:
        """Whether who made this request would be let in now, as far as then: an answer that goes on for hours asks."""

        def still() -> bool:
            try:
                visitor, right = self.visitor_of(request), right_to(request.method, request.scope["path"])
            except Exception:  # noqa: BLE001  (whatever it is: nobody is known by it)
                return False
            if visitor is None or right is None or not right.open_to(visitor):
                return False
            return bool(right.reach_of(visitor) == request.state.reach)

        return still


def _wanted(request: Request) -> str:
    """The page that somebody was on their way to, with what they asked of it."""
    path, query = str(request.scope["path"]), request.url.query
    return f"{path}?{query}" if query else path


def _is_here(request: HTTPConnection) -> bool:
    """Whether it comes from this very machine, as far as can be seen: no proxy, no name that only points here."""
    host = request.headers.get("host", "")
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    client = request.client.host if request.client else None
    return client in LOOPBACK and name in LOOPBACK_HOSTS and not any(sign in request.headers for sign in FORWARDED)
