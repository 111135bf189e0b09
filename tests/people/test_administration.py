"""What may be changed about people over the web: as a rule over what is kept before and after, and as deeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broker.people.access_log import open_access_log
from broker.people.accounts import Account, PeopleFile, Token
from broker.people.administration import Administration, permitted, version_of
from broker.people.errors import Changed, Impossible, Missing, NotAllowed
from broker.people.people import People
from broker.people.roles import ROLES, Role, Scope, Visitor
from tests.support.people import PASSWORD, QUICK

PLACES = Scope(estates=("e01",), trucks=("t01",), contractors=("c1",))
FREE = {"crew", "keeper", "property", "contractor", "viewer", "weigher", "enforcement", "committee", "fire_brigade"}


def visitor(who: str, *roles: Role, sees_names: bool = False, kind: Any = "account") -> Visitor:
    """Somebody at the door."""
    return Visitor(who, who, frozenset(roles), sees_names=sees_names, kind=kind)


def held(*roles: Role, password: str | None = "x", **more: Any) -> Account:
    """An account as it is kept."""
    return Account(name="n", roles=roles, scope=PLACES, password=password, **more)


BOSS = visitor("boss", "supervisor", "dispatcher")
KEPT = PeopleFile(
    accounts={
        "boss": held("supervisor", "dispatcher"), "vice": held("supervisor"), "books": held("registrar"),
        "li": held("viewer"), "left": held("registrar", disabled=True),
    }
)  # fmt: skip


def after(**accounts: Account | None) -> PeopleFile:
    """What would be kept then."""
    changed = {**KEPT.accounts, **accounts}
    return KEPT.model_copy(update={"accounts": {one: of for one, of in changed.items() if of is not None}})


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_given_by_who_holds_it_or_it_is_for_one_purpose(role: Role) -> None:
    """A place, a truck, a firm, the scales, to look: those are what a supervisor is there to give."""
    changes: list[Callable[[], PeopleFile]] = [
        lambda: after(li=held("viewer", role)), lambda: after(new=held(role)),
        lambda: KEPT.model_copy(update={"tokens": {"m1": Token(name="n", roles=(role,), salt="s", hash="0" * 64)}}),
    ]  # fmt: skip
    for change in changes:
        if role in FREE | {"supervisor", "dispatcher"}:
            permitted(BOSS, KEPT, change())
        else:
            with pytest.raises(NotAllowed, match=role):
                permitted(BOSS, KEPT, change())


def test_the_sight_of_names_is_a_right_like_a_role() -> None:
    """A registrar has it, and somebody else may have it given."""
    for change in (after(li=held("viewer", sees_names=True)), after(li=held("viewer", "registrar"))):
        with pytest.raises(NotAllowed, match="names"):
            permitted(BOSS, KEPT, change)
    permitted(visitor("boss", "supervisor", sees_names=True), KEPT, after(li=held("viewer", sees_names=True)))


def test_who_is_let_in_again_is_given_all_they_had() -> None:
    """To take away is always allowed, to give back only who may give it."""
    permitted(BOSS, KEPT, after(books=held("registrar", disabled=True)))
    permitted(BOSS, KEPT, after(books=held("viewer")))
    permitted(BOSS, KEPT, after(left=held("registrar", "viewer", disabled=True)))
    with pytest.raises(NotAllowed, match="registrar"):
        permitted(BOSS, KEPT, after(left=held("registrar")))


def test_nobody_changes_their_own_account() -> None:
    """Neither more nor less: not the roles, the places, the name, nor that it is disabled."""
    for own in (
        held("supervisor", "dispatcher", "viewer"), held("dispatcher"), held("supervisor", "dispatcher", disabled=True),
        held("supervisor", "dispatcher", sees_names=True), held("supervisor", "dispatcher", round=1),
    ):  # fmt: skip
        with pytest.raises(NotAllowed, match="their own"):
            permitted(BOSS, KEPT, after(boss=own))


def test_somebody_who_can_look_after_the_people_is_left() -> None:
    """A machine, or one supervisor beside another, cannot take the last one away; who never set a password is none."""
    machine = visitor("m", "supervisor", "dispatcher", kind="token")
    gone = {"boss": held("dispatcher"), "vice": held("supervisor", disabled=True)}
    with pytest.raises(NotAllowed, match="last account"):
        permitted(machine, KEPT, after(**gone))
    with pytest.raises(NotAllowed, match="last account"):
        permitted(machine, KEPT, after(boss=None, vice=held("supervisor", password=None)))
    permitted(machine, KEPT, after(boss=held("dispatcher")))


def test_who_was_disabled_a_moment_ago_changes_nothing() -> None:
    """Two supervisors who disable each other: the second finds that they are one no longer."""
    for then in (after(boss=held("supervisor", disabled=True)), after(boss=held("dispatcher")), after(boss=None)):
        with pytest.raises(NotAllowed, match="no longer"):
            permitted(BOSS, then, then)


@pytest.fixture
def house(tmp_path: Path) -> Administration:
    """A supervisor, a registrar and a viewer, all with a password."""
    people = People(tmp_path, passwords=QUICK)
    roles: dict[str, tuple[Role, ...]] = {"boss": ("supervisor",), "books": ("registrar",), "li": ("viewer",)}
    for account, of in roles.items():
        people.use_link(people.add(account, account, of), "", "", PASSWORD)
    return Administration(people, ["e01"], ["t01"])


def version(house: Administration, account: str) -> str:
    """Of what is kept now."""
    return version_of(house.people.kept().accounts[account])


BY = visitor("boss", "supervisor")


def test_a_link_is_the_account_it_is_for(house: Administration) -> None:
    """Whoever could make one for a registrar would be one."""
    before = house.people.kept()
    for account in ("books", "boss"):
        with pytest.raises(NotAllowed):
            house.link(BY, account, version(house, account))
    assert house.people.kept() == before
    assert house.people.linked(house.link(BY, "li", version(house, "li"))).account == "li"


def test_what_was_changed_meanwhile_is_not_changed_over(house: Administration) -> None:
    """Every deed on an account says which version was looked at."""
    seen = version(house, "li")
    house.change(BY, "li", seen, roles=("viewer", "crew"), scope=Scope(trucks=("t01",)))
    for deed in (
        lambda: house.change(BY, "li", seen, disabled=True), lambda: house.link(BY, "li", seen),
        lambda: house.sign_out(BY, "li", seen),
    ):  # fmt: skip
        with pytest.raises(Changed):
            deed()
    assert not house.people.kept().accounts["li"].disabled


def test_the_number_of_a_token_that_is_gone_is_given_to_no_other(house: Administration) -> None:
    """What the record says of m1 is of one machine, and the page of before takes nothing else away."""
    house.add_token(BY, name="scale", roles=("crew",), scope=Scope(trucks=("t01",)))
    seen = version_of(house.people.kept().tokens["m1"])
    house.revoke(BY, "m1", seen)
    assert house.add_token(BY, name="gate", roles=("viewer",)).startswith("m2.")
    with pytest.raises(Missing):
        house.revoke(BY, "m1", seen)
    house.people.revoke("m2")
    assert house.add_token(BY, name="door", roles=("viewer",)).startswith("m3.")
    assert [*house.people.kept().tokens] == ["m3"]


def test_who_is_disabled_is_signed_out_and_stays_so(house: Administration) -> None:
    """Let in again, they sign in anew."""
    house.change(BY, "li", version(house, "li"), disabled=True)
    house.change(BY, "li", version(house, "li"), disabled=False)
    kept = house.people.kept().accounts["li"]
    assert (kept.disabled, kept.round) == (False, 2)  # the link by which the password was set began the first round


@pytest.mark.parametrize("scope", [Scope(estates=("e99",)), Scope(trucks=("t9",))])
def test_a_place_that_is_mistyped_is_refused(house: Administration, scope: Scope) -> None:
    """It would reach nothing, and nobody would be told."""
    with pytest.raises(Impossible, match="the plan knows no"):
        house.add(BY, "new", name="New", roles=("viewer",), scope=scope)
    assert "new" not in house.people.kept().accounts


def test_what_is_not_there_is_said(house: Administration) -> None:
    """An account, a token."""
    with pytest.raises(Missing):
        house.change(BY, "nobody", "0" * 16, disabled=True)
    with pytest.raises(Missing):
        house.revoke(BY, "m9", "0" * 16)


def test_each_deed_is_noted_with_who_did_it_and_no_secret_and_no_name(house: Administration) -> None:
    """What was refused changed nothing and is not noted."""
    _, key = house.add(BY, "zhao", name="赵敏", roles=("crew",), scope=Scope(trucks=("t01",)))
    house.change(BY, "zhao", version(house, "zhao"), name="赵明", sees_names=False)
    link = house.link(BY, "zhao", version(house, "zhao"))
    house.sign_out(BY, "zhao", version(house, "zhao"))
    token = house.add_token(BY, name="scale", roles=("viewer",))
    house.revoke(BY, "m1", version_of(house.people.kept().tokens["m1"]))
    with pytest.raises(NotAllowed):
        house.add(BY, "more", name="m", roles=("registrar",))
    lines = list(open_access_log(house.people.folder).lines())
    assert {line["who"] for line in lines} == {"boss"}
    assert [line["action"] for line in lines] == [
        "add account", "change account", "new link", "sign out account", "add token", "revoke token",
    ]  # fmt: skip
    assert [str(line["what"]).split()[0] for line in lines] == ["zhao", "zhao", "zhao", "zhao", "m1", "m1"]
    said = str(lines)
    assert not [secret for secret in (key, link, token, "赵敏", "赵明") if secret in said]
    assert [line["action"] for line in house.log.newest()] == [line["action"] for line in reversed(lines)]
