"""Accounts, links, tokens and sessions: what opens, what does not any more, and what is kept of it."""

import json
import re
from pathlib import Path

import pytest

from broker.durable_file import Disk
from broker.people.accounts import good_password
from broker.people.errors import Damaged, Impossible, Unknown
from broker.people.people import FIRST_LINK_S, LINK_S, People
from broker.people.roles import FIRST_ROLES, Scope
from broker.people.sessions import SESSION_S, WATCHING_S, Sessions
from tests.support.people import PASSWORD, QUICK


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    """Now."""
    return Clock()


@pytest.fixture
def people(tmp_path: Path, clock: Clock) -> People:
    """Nobody yet."""
    return People(tmp_path / "people", now=clock, passwords=QUICK)


def wang(people: People) -> None:
    """A dispatcher with a password."""
    people.use_link(people.add("wang", "王芳", ("dispatcher",)), "", "", PASSWORD)


def test_the_first_link_makes_the_first_account_once_and_within_its_hour(people: People, clock: Clock) -> None:
    """A second use, a later one, and one after somebody else was first are nobody's."""
    late = people.link(None, FIRST_LINK_S)
    clock.at += FIRST_LINK_S
    with pytest.raises(Unknown):
        people.use_link(late, "wang", "王芳", PASSWORD)
    older, key = people.link(None), people.link(None)
    with pytest.raises(Unknown):
        people.linked(older)
    first = people.use_link(key, "王芳", "王 芳", PASSWORD)
    assert (first.who, first.name, first.roles) == ("王芳", "王 芳", frozenset(FIRST_ROLES))
    for again in (key, older):
        with pytest.raises(Unknown):
            people.use_link(again, "li", "Li", PASSWORD)
    with pytest.raises(Impossible):
        people.link(None)


def test_a_link_for_the_first_account_is_worth_nothing_once_there_is_one(people: People) -> None:
    """Whoever set the house up by the command keeps a stray link from making another head of it."""
    key = people.link(None)
    people.add("wang", "Wang", ("viewer",))
    with pytest.raises(Unknown):
        people.use_link(key, "li", "Li", PASSWORD)


def test_a_password_opens_its_account_alone(people: People) -> None:
    """Another's, none yet, a disabled account: all are told the same."""
    wang(people)
    people.add("li", "Li", ("viewer",))
    assert people.by_password("wang", PASSWORD).who == "wang"
    told = set()
    for account, password in (("wang", PASSWORD + "x"), ("li", PASSWORD), ("li", ""), ("nobody", PASSWORD)):
        with pytest.raises(Unknown) as why:
            people.by_password(account, password)
        told.add(str(why.value))
    people.update("wang", disabled=True)
    with pytest.raises(Unknown) as why:
        people.by_password("wang", PASSWORD)
    assert told == {str(why.value)}


def test_a_password_is_the_same_however_its_letters_are_put_together(people: People) -> None:
    """A telephone writes é as one sign, a laptop as two."""
    people.use_link(people.add("li", "Li", ("viewer",)), "", "", "cafe\u0301 au lait 1")
    assert people.by_password("li", "caf\u00e9 au lait 1").who == "li"


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaa", "wangfang2026", ""])
def test_what_is_guessed_at_once_is_no_password(password: str) -> None:
    """Too short, too long, one letter, the account's own name."""
    with pytest.raises(Impossible):
        good_password(password, "wangfang")


@pytest.mark.parametrize("account", ["", " ", "a b", "a/b", "-x", "x" * 41, "a\u200bb", "<b>", "a\n"])
def test_what_can_be_no_account_is_refused(people: People, account: str) -> None:
    """An id is in the record for ever: it can be read, typed and told from others."""
    with pytest.raises(Impossible):
        people.add(account if account.strip() != "a" else "a b", "x", ("viewer",))


def test_an_id_is_given_once(people: People) -> None:
    """Nor one that differs by the size of its letters."""
    wang(people)
    for again in ("wang", "Wang", "WANG"):
        with pytest.raises(Impossible):
            people.add(again, "x", ("viewer",))


def test_a_new_password_ends_all_sessions_and_no_others(people: People, clock: Clock) -> None:
    """Whoever had the old one is out; somebody else stays in."""
    wang(people)
    people.use_link(people.add("li", "Li", ("viewer",)), "", "", PASSWORD)
    sessions = Sessions(people, now=clock)
    hers, his = (sessions.begin(people.by_password(one, PASSWORD))[0] for one in ("wang", "li"))
    people.use_link(people.link("wang"), "", "", PASSWORD + "!")
    assert sessions.visitor(hers) is None and sessions.visitor(his) is not None
    with pytest.raises(Unknown):
        people.by_password("wang", PASSWORD)


def test_a_session_outlives_a_restart_and_ends_with_its_sign_out(people: People, clock: Clock) -> None:
    """What is kept of it is no cookie; a changed cookie is nobody's; other sessions of the same person go on."""
    wang(people)
    visitor = people.by_password("wang", PASSWORD)
    (cookie, lasts_s), (other, _) = (Sessions(people, now=clock).begin(visitor) for _ in range(2))
    again = Sessions(People(people.folder, now=clock, passwords=QUICK), now=clock)
    assert again.visitor(cookie) == visitor and lasts_s == SESSION_S
    assert cookie not in (people.folder / "sessions.json").read_text()
    assert again.visitor(cookie[:-1]) is None and again.visitor("") is None
    again.end(cookie)
    assert again.visitor(cookie) is None and again.visitor(other) is not None
    clock.at += SESSION_S
    assert again.visitor(other) is None


def test_on_a_full_disk_somebody_can_still_sign_in_and_out(people: People, clock: Clock) -> None:
    """What says that it is full must be seen and acted on; the session ends with the process."""
    wang(people)

    class Full(Disk):
        def write(self, descriptor: int, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    kept, _ = Sessions(people, now=clock).begin(people.by_password("wang", PASSWORD))
    sessions = Sessions(people, now=clock, disk=Full())
    cookie, _ = sessions.begin(people.by_password("wang", PASSWORD))
    assert sessions.visitor(cookie) is not None and Sessions(people, now=clock).visitor(cookie) is None
    for one in (kept, cookie):
        assert sessions.visitor(one) is not None
        sessions.end(one)
        assert sessions.visitor(one) is None


def test_a_screen_on_a_wall_stays_signed_in(people: People, clock: Clock) -> None:
    """Who may only look, and nothing else."""
    people.use_link(people.add("wall", "Wall", ("viewer",)), "", "", PASSWORD)
    people.use_link(people.add("li", "Li", ("viewer", "registrar")), "", "", PASSWORD)
    lasts = {one: Sessions(people, now=clock).begin(people.by_password(one, PASSWORD))[1] for one in ("wall", "li")}
    assert lasts == {"wall": WATCHING_S, "li": SESSION_S}


def test_a_long_session_is_not_one_of_who_may_more(people: People, clock: Clock) -> None:
    """A viewer is made a dispatcher: from then on twelve hours count, since the sign-in."""
    people.use_link(people.add("wall", "Wall", ("viewer",)), "", "", PASSWORD)
    sessions = Sessions(people, now=clock)
    cookie, _ = sessions.begin(people.by_password("wall", PASSWORD))
    clock.at += SESSION_S
    assert sessions.visitor(cookie) is not None
    people.update("wall", roles=("dispatcher",))
    assert sessions.visitor(cookie) is None


def test_what_an_account_may_is_asked_anew_each_time(people: People, clock: Clock) -> None:
    """Other roles, a disabled account, all sessions ended by the command: at the next request it is so."""
    wang(people)
    sessions = Sessions(people, now=clock)
    cookie, _ = sessions.begin(people.by_password("wang", PASSWORD))
    beside = People(people.folder, now=clock, passwords=QUICK)
    beside.update("wang", roles=("property",), scope=Scope(estates=("e01",)))
    found = sessions.visitor(cookie)
    assert found is not None and found.roles == {"property"} and found.scope.estates == ("e01",)
    beside.update("wang", disabled=True)
    assert sessions.visitor(cookie) is None
    beside.update("wang", disabled=False)
    beside.sign_out("wang")
    assert sessions.visitor(cookie) is None


def test_a_token_is_stored_as_a_salted_hash_only(people: People) -> None:
    """The file is private and does not hold the secret; equal names get different hashes; a revoked one is nothing."""
    first, second = (people.add_token("scale", ("dispatcher",)) for _ in range(2))
    path = people.folder / "people.json"
    assert path.stat().st_mode & 0o077 == 0 and first.split(".")[1] not in path.read_text()
    assert people.by_token(first).who == people.by_token(f" {second}\n").who == "scale"
    for wrong in ("", ".", first + "x", first.replace("m1", "m2", 1), "m9.x", "m1."):
        with pytest.raises(Unknown):
            people.by_token(wrong)
    people.revoke("m1")
    with pytest.raises(Unknown):
        people.by_token(first)
    assert people.by_token(second).kind == "token"


DAMAGE = (
    "", "\0" * 400, "{", "[]", '{"format": 2}', '{"accounts": {"wang": {}}}', '{"more": 1}',
    '{"format": 1, "format": 1}',
    '{"accounts": {"a b": {"name": "x", "roles": []}}}', '{"accounts": {"a": {"name": "x", "roles": ["king"]}}}',
)  # fmt: skip


@pytest.mark.parametrize("text", DAMAGE)
@pytest.mark.parametrize("name", ["people.json", "sessions.json"])
def test_a_damaged_file_is_refused_by_name_and_left_as_it_is(
    people: People, clock: Clock, name: str, text: str
) -> None:
    """Nobody is let in by it, nothing is written over it, and it is not taken for a house without anybody."""
    wang(people)
    sessions = Sessions(people, now=clock)
    cookie, _ = sessions.begin(people.by_password("wang", PASSWORD))
    path = people.folder / name
    text = text if name == "people.json" else text.replace("accounts", "sessions")
    path.write_text(text)
    with pytest.raises(Damaged, match=re.escape(str(path))):
        sessions.visitor(cookie)
    with pytest.raises(Damaged):
        sessions.begin(people.visitor("wang") or pytest.fail("nobody"))
    assert path.read_text() == text


def test_damaged_sessions_are_removed_and_people_sign_in_anew(people: People, clock: Clock) -> None:
    """As it is told: nobody needs a backup of who was signed in."""
    wang(people)
    path = people.folder / "sessions.json"
    path.write_text("{")
    path.chmod(0o600)
    sessions = Sessions(people, now=clock)
    with pytest.raises(Damaged, match="remove it, and everybody signs in anew"):
        sessions.visitor("x")
    path.unlink()
    assert sessions.visitor(sessions.begin(people.by_password("wang", PASSWORD))[0]) is not None


def test_a_file_that_is_gone_is_no_new_start(people: People, clock: Clock) -> None:
    """Else whoever can remove it could make themselves the first account."""
    wang(people)
    Sessions(people, now=clock).begin(people.by_password("wang", PASSWORD))
    (people.folder / "people.json").unlink()
    for deed in (people.nobody, lambda: people.link(None), lambda: people.add("li", "Li", ("viewer",))):
        with pytest.raises(Damaged, match=r"people\.json is gone"):
            deed()
    assert not (people.folder / "people.json").exists()


def test_a_file_that_others_can_read_is_refused(people: People) -> None:
    """The hashes of passwords are guessed at home."""
    wang(people)
    (people.folder / "people.json").chmod(0o640)
    with pytest.raises(Damaged, match="chmod 600"):
        people.by_password("wang", PASSWORD)


def test_what_is_kept_can_be_read_by_a_person(people: People) -> None:
    """Names as they are written, a line for each fact."""
    wang(people)
    people.add("li", "李雷", ("property",), Scope(estates=("e01",)))
    text = (people.folder / "people.json").read_text(encoding="utf-8")
    assert '"name": "李雷"' in text and json.loads(text)["accounts"]["li"]["scope"]["estates"] == ["e01"]
    assert LINK_S > 0 and PASSWORD not in text and "$argon2id$" in text


def test_two_processes_that_change_it_at_once_lose_nothing(people: People) -> None:
    """Each reads what the other wrote before it writes."""
    other = People(people.folder, passwords=QUICK)
    for number in range(5):
        people.add(f"a{number}", "A", ("viewer",))
        other.add(f"b{number}", "B", ("viewer",))
    assert len(people.kept().accounts) == len(other.kept().accounts) == 10
