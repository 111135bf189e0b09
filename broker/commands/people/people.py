"""`python3 -m broker people`: accounts, their roles and scope, tokens for machines, links for passwords.

Works on the files in [people] folder, beside the running bridge, which sees each change at its next request.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from broker.commands.people import rosters
from broker.commands.who import system_user
from broker.config import BrokerConfig, CityConfig, ConfigError, read_either_config
from broker.people.access_log import open_access_log
from broker.people.errors import Impossible, PeopleError
from broker.people.people import FIRST_LINK_S, LINK_S, People
from broker.people.roles import ROLES, Scope
from broker.people.roles_file import read_roles_file
from broker.settings import configured_plan

Config = BrokerConfig | CityConfig
Run = Callable[[argparse.Namespace, People, Config], None]


def add_commands(subparsers: Any) -> None:
    """Register `people` with the server's command line."""
    top = subparsers.add_parser("people", help="who may use screen and API: accounts, roles, tokens, links")
    deeds = top.add_subparsers(dest="deed", required=True, metavar="DEED")
    one = _one(deeds, "list", _list, "accounts, and what each may do where")
    one.add_argument("--json", action="store_true")
    one = _one(deeds, "add", _add_account, "make an account; prints the link by which its person sets the password")
    one.add_argument("account", help="its id, never given twice: it is what the record says")
    one.add_argument("--name", required=True, help="as shown")
    _may(one)
    one = _one(deeds, "roles", _roles, "give an account these roles instead of those it has")
    one.add_argument("account")
    one.add_argument("roles", nargs="+", choices=ROLES, metavar="ROLE", help=" ".join(ROLES))
    _scope_options(one)
    one = _one(deeds, "scope", _scope, "give an account this scope instead of the one it has")
    one.add_argument("account")
    _scope_options(one)
    for name, run, text in (
        ("disable", _disable, "let nobody in as this account any more, from this moment on; it stays in the record"),
        ("enable", _enable, "let it in again"),
        ("sign-out", _sign_out_account, "end all its sessions"),
        ("reset", _new_link, "print a link by which its person sets a new password"),
    ):
        _one(deeds, name, run, text).add_argument("account")
    _one(deeds, "link", _link, "print the link for the first account, while there is none")
    one = _one(deeds, "migrate", _migrate, "take the people of a roles.toml of earlier versions over, as tokens")
    one.add_argument("file", type=Path)
    _tokens(deeds.add_parser("token", help="tokens for machines").add_subparsers(required=True, metavar="DEED"))
    roster = deeds.add_parser("roster", help="who is on duty when: list, add, remove, on-duty")
    rosters.add_commands(roster.add_subparsers(required=True, metavar="DEED"), _one)


def _tokens(deeds: Any) -> None:
    one = _one(deeds, "add", _add_token, "make a token and print it, this once")
    one.add_argument("name", help="what it is for: it is what the record says")
    _may(one)
    one = _one(deeds, "list", _list_tokens, "tokens by id, and what each may do")
    one.add_argument("--json", action="store_true")
    one = _one(deeds, "revoke", _revoke_token, "take a token away, from this moment on")
    one.add_argument("token", help="its id, as m3")


def _one(deeds: Any, name: str, run: Run, text: str) -> Any:
    parser = deeds.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(run=lambda arguments: _told(run, arguments))
    return parser


def _may(parser: Any) -> None:
    parser.add_argument("--role", action="append", choices=ROLES, required=True, help="may be given several times")
    parser.add_argument("--sees-names", action="store_true", help="sees names in the registers (registrars always do)")
    _scope_options(parser)


def _scope_options(parser: Any) -> None:
    for kind in ("estate", "truck", "contractor"):
        parser.add_argument(f"--{kind}", action="append", default=[], metavar="ID", help=f"a {kind} it speaks for")


def _told(run: Run, arguments: argparse.Namespace) -> int:
    """Run it; 0 done, 1 refused with the reason, 2 wrongly configured."""
    try:
        config = read_either_config(arguments.config)
        people = People(config.people.folder)
        before = people.kept()
        try:
            run(arguments, people, config)
        finally:
            if people.kept() != before:
                given = vars(arguments)
                about = next((given[key] for key in ("account", "name", "token") if key in given), "")
                deed = run.__name__.strip("_").replace("_", " ")
                open_access_log(people.folder).note(system_user(), "command line", deed, str(about))
    except BrokenPipeError:
        raise  # whoever reads what we print has enough of it
    except ConfigError as why:
        print(f"people: {why}", file=sys.stderr)
        return 2
    except (PeopleError, OSError) as why:
        print(f"people: {why}", file=sys.stderr)
        return 1
    return 0


def _of(arguments: argparse.Namespace, config: Config) -> Scope:
    """The scope that is asked for; one that is mistyped would reach nothing, and nobody would be told."""
    if arguments.estate or arguments.truck:
        plan = configured_plan(config)
        estates = {room.estate_id for room in plan.rooms.values()}
        for kind, known in (("estate", estates), ("truck", set(plan.trucks()))):
            strange = sorted(set(getattr(arguments, kind)) - known)
            if strange:
                raise Impossible(f"the plan knows no {kind} {strange[0][:40]!r}")
    return Scope(
        estates=tuple(arguments.estate), trucks=tuple(arguments.truck), contractors=tuple(arguments.contractor)
    )


def _list(arguments: argparse.Namespace, people: People, _: Config) -> None:
    kept = people.kept().accounts
    rows = {one: held.model_dump(mode="json", exclude={"password", "round"}) for one, held in kept.items()}
    for one, held in kept.items():
        rows[one]["has_password"] = held.password is not None
    _shown(arguments, rows, lambda row: "disabled" if row["disabled"] else "" if row["has_password"] else "no password")


def _list_tokens(arguments: argparse.Namespace, people: People, _: Config) -> None:
    kept = people.kept().tokens
    _shown(arguments, {one: held.model_dump(mode="json", exclude={"salt", "hash"}) for one, held in kept.items()})


def _shown(
    arguments: argparse.Namespace, rows: dict[str, dict[str, Any]], more: Callable[[dict[str, Any]], str] = lambda _: ""
) -> None:
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True))
        return
    for one, row in sorted(rows.items()):
        cells = [one, row["name"], " ".join(row["roles"]), " ".join(_in_words(row["scope"])), more(row)]
        print("\t".join(cells).rstrip())
    if not rows:
        print("nobody yet; `python3 -m broker people link` prints the link for the first account", file=sys.stderr)


def _in_words(scope: dict[str, list[str]]) -> Iterable[str]:
    return (f"{kind[:-1]}:{one}" for kind, ids in sorted(scope.items()) for one in ids)


def _add_account(arguments: argparse.Namespace, people: People, config: Config) -> None:
    key = people.add(
        arguments.account, arguments.name, tuple(arguments.role), _of(arguments, config), arguments.sees_names
    )
    _say_link(config, key, LINK_S, "its person")


def _roles(arguments: argparse.Namespace, people: People, config: Config) -> None:
    scope = _of(arguments, config)
    fields: dict[str, Any] = {"roles": tuple(arguments.roles)} | ({"scope": scope} if scope != Scope() else {})
    people.update(arguments.account, **fields)


def _scope(arguments: argparse.Namespace, people: People, config: Config) -> None:
    people.update(arguments.account, scope=_of(arguments, config))


def _disable(arguments: argparse.Namespace, people: People, _: Config) -> None:
    people.update(arguments.account, disabled=True)
    people.sign_out(arguments.account)


def _enable(arguments: argparse.Namespace, people: People, _: Config) -> None:
    people.update(arguments.account, disabled=False)


def _sign_out_account(arguments: argparse.Namespace, people: People, _: Config) -> None:
    people.sign_out(arguments.account)


def _new_link(arguments: argparse.Namespace, people: People, config: Config) -> None:
    _say_link(config, people.link(arguments.account), LINK_S, "its person")


def _link(_: argparse.Namespace, people: People, config: Config) -> None:
    _say_link(config, people.link(None, FIRST_LINK_S), FIRST_LINK_S, "you")


def _say_link(config: Config, key: str, lasts_s: int, who: str) -> None:
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + lasts_s))
    print(f"once, and until {until}, {who} can set the password here:", file=sys.stderr)
    print(config.web.page(f"/welcome#{key}"))


def _migrate(arguments: argparse.Namespace, people: People, _: Config) -> None:
    tokens = read_roles_file(arguments.file)
    people.take_over(tokens)
    print(f"{len(tokens)} tokens taken over; they open what they opened. Leave [registers] roles_file out now")


def _add_token(arguments: argparse.Namespace, people: People, config: Config) -> None:
    token = people.add_token(arguments.name, tuple(arguments.role), _of(arguments, config), arguments.sees_names)
    print("the token is shown this once:", file=sys.stderr)
    print(token)


def _revoke_token(arguments: argparse.Namespace, people: People, _: Config) -> None:
    people.revoke(arguments.token)
