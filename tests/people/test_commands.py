"""`python3 -m broker people`: what it prints, what it refuses, and no secret in its arguments or its answers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.__main__ import main, parser
from broker.people.access_log import open_access_log
from broker.people.people import People
from broker.web.pages.rendering import WORDS
from tests.support.people import PASSWORD

Run = Callable[..., tuple[int, str, str]]


def test_an_account_from_its_making_to_its_end(run: Run, people: People) -> None:
    """Made with a link, listed, given other roles, disabled, let in again, thrown out, given a new link."""
    code, out, err = run("add", "li", "--name", "李雷", "--role", "property", "--estate", "e01")
    assert code == 0 and out.startswith("http://127.0.0.1:8081/welcome#") and "once, and until" in err
    people.use_link(out.strip().partition("#")[2], "", "", PASSWORD)
    assert run("list")[1] == "li\t李雷\tproperty\testate:e01\n"
    assert run("roles", "li", "viewer", "supervisor")[0] == run("scope", "li", "--truck", "t01")[0] == 0
    assert run("disable", "li")[0] == 0 and people.visitor("li") is None
    shown = json.loads(run("list", "--json")[1])["li"]
    assert (shown["roles"], shown["scope"]["trucks"], shown["disabled"]) == (["viewer", "supervisor"], ["t01"], True)
    assert "password" not in shown and shown["has_password"] is True
    assert run("enable", "li")[0] == run("sign-out", "li")[0] == 0 and people.visitor("li") is not None
    noted = [(line["role"], line["action"], line["what"]) for line in open_access_log(people.folder).lines()]
    deeds = ("add account", "roles", "scope", "disable", "enable", "sign out account")
    assert noted == [("command line", deed, "li") for deed in deeds]
    assert {*deeds, "new link", "link", "migrate", "add token", "revoke token"} <= {*WORDS.groups("zh")["access"]}
    key = run("reset", "li")[1].strip().partition("#")[2]
    assert people.linked(key).account == "li"


def test_a_token_from_its_making_to_its_end(run: Run, people: People) -> None:
    """Printed this once, listed without its secret, revoked."""
    code, out, _ = run("token", "add", "scale", "--role", "crew", "--truck", "t01")
    assert code == 0 and people.by_token(out.strip()).who == "scale"
    listed = run("token", "list")[1] + run("token", "list", "--json")[1]
    assert "scale" in listed and out.strip().partition(".")[2] not in listed and "hash" not in listed
    assert run("token", "revoke", "m1")[0] == 0 and people.kept().tokens == {}


def test_a_reader_that_has_seen_enough_ends_the_command_and_what_it_did_is_noted(
    run: Run, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `| head`; without a word, which the program's own end sees to."""

    def nobody_reads(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", nobody_reads)
    with pytest.raises(BrokenPipeError):
        run("token", "add", "scale", "--role", "viewer")
    assert [line["action"] for line in open_access_log(people.folder).lines()] == ["add token"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("disable", "nobody"), "no account 'nobody'"), (("reset", "nobody"), "no account"),
        (("token", "revoke", "m9"), "no token 'm9'"),
        (("add", "a b", "--name", "x", "--role", "viewer"), "is no account"),
        (("add", "li", "--name", "x", "--role", "property"), "role property needs its estates: --estate ID"),
        (("add", "li", "--name", "x", "--role", "property", "--estate", "e99"), "the plan knows no estate 'e99'"),
        (("token", "add", "x", "--role", "crew", "--truck", "t1"), "the plan knows no truck 't1'"),
        (("add", "li", "--name", "", "--role", "viewer"), "name: "), (("migrate", "/nowhere.toml"), "cannot be read"),
        (("token", "add", "a\u200bb", "--role", "viewer"), "name: "),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_line(run: Run, people: People, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 1, the reason, nothing kept."""
    code, out, err = run(*arguments)
    assert (code, out) == (1, "") and said in err and "Traceback" not in err
    assert people.kept().accounts == people.kept().tokens == {}


def test_the_first_link_is_for_a_house_without_anybody(run: Run, people: People) -> None:
    """Then nobody gets in by it any more."""
    code, out, _ = run("link")
    assert code == 0 and people.linked(out.strip().partition("#")[2]).account is None
    run("add", "li", "--name", "Li", "--role", "viewer")
    code, _, err = run("link")
    assert code == 1 and "reset" in err


def test_the_people_of_a_role_file_are_taken_over_with_their_secrets(run: Run, people: People, tmp_path: Path) -> None:
    """What opened the registers opens them on; twice is refused, and a file that is none is named."""
    from broker.people.accounts import secret_hash

    roles = tmp_path / "roles.toml"
    roles.write_text(
        f'[person.p1]\nname = "王芳"\nrole = "registrar"\nsees_names = true\nsalt = "s"\n'
        f'hash = "{secret_hash("s", "x")}"\n'
        f'[person.p2]\nname = "李雷"\nrole = "viewer"\nsalt = "t"\nhash = "{secret_hash("t", "y")}"\n'
    )
    assert run("migrate", str(roles))[0] == 0
    first, second = people.by_token("p1.x"), people.by_token("p2.y")
    assert (first.who, first.roles, first.sees_names) == ("王芳", {"registrar"}, True)
    assert (second.roles, second.sees_names) == ({"viewer"}, False)
    assert run("migrate", str(roles))[0] == 1 and len(people.kept().tokens) == 2
    for text in ("person = 3", "[[[", "[person.p3]\nrole='king'\nsalt='s'\nhash='h'", "[person.p3]\nname='x'"):
        roles.write_text(text)
        code, _, err = run("migrate", str(roles))
        assert code == 1 and "roles.toml" in err and "Traceback" not in err


def test_a_configuration_that_names_a_role_file_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is no more."""
    config = tmp_path / "broker.toml"
    config.write_text('[area]\nplan = "demo"\n[registers]\nroles_file = "roles.toml"\n')
    assert main(["--config", str(config), "people", "list"]) == 2
    assert "[registers] roles_file: is no more" in (said := capsys.readouterr().err) and "people migrate" in said


def test_no_argument_is_a_secret() -> None:
    """Other users of the machine see every argument list."""
    text = parser().format_help()
    assert "people" in text and "--password" not in text and "--token" not in text
