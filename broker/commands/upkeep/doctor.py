"""`python3 -m broker doctor`: what is wrong or will be soon, each with what to do next, in the reader's language."""

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from broker.commands.running_bridge import RunningBridge, shell_token
from broker.config import BrokerConfig, ConfigError
from broker.upkeep import doctor
from broker.upkeep.doctor.judging import Finding, findings, well
from broker.words import LANGUAGES, Words

_NOBODY: Callable[[str], Mapping[str, Any]] = lambda _: {}  # noqa: E731


def add_commands(subparsers: Any) -> None:
    """Register `doctor` with the server's command line."""
    command = subparsers.add_parser(
        "doctor", help="what is wrong or will be soon, and what to do next; beside the running bridge and without one",
        epilog="Exit codes: 0 nothing waits for a person, 1 something does.",
    )  # fmt: skip
    command.add_argument("--language", choices=LANGUAGES, default=usual_language(os.environ), help="default: by LANG")
    command.add_argument("--json", action="store_true", help="both languages, for programs")
    command.add_argument("--whole", action="store_true", help="read each record, as fsck does")
    command.set_defaults(run=run_doctor)


def usual_language(environment: Mapping[str, str]) -> str:
    """The language of a terminal."""
    said = environment.get("LC_ALL") or environment.get("LANG") or ""
    return "zh" if said.startswith("zh") else "en"


def run_doctor(arguments: argparse.Namespace) -> int:
    """Say it; 0 nothing waits for a person, 1 something does."""
    from broker.upkeep.doctor.looking import look  # the whole screen, for which no other command need wait

    found = findings(look(arguments.config, _asked_by_us, int(time.time()), whole=arguments.whole))
    words = Words(Path(doctor.__file__).parent / "words")
    print(as_json(words, found) if arguments.json else as_text(words, found, arguments.language))
    return 0 if well(found) else 1


def as_text(words: Words, found: list[Finding], language: str) -> str:
    """Each finding with the next action below it, the worst first."""
    lines = [words.say(language, "all", "looked")]
    for one in found:
        level = words.say(language, "level", one.level)
        lines.append(f"{level:5} {_sentence(words, one, language)}")
        then = words.say(language, "all", "then")
        lines.append(f"      {then}{words.say(language, 'next', one.word, **one.values)}")
    if well(found):
        lines.append(words.say(language, "all", "well"))
    return "\n".join(lines)


def as_json(words: Words, found: list[Finding]) -> str:
    """The same for programs, in both languages."""
    rows = [
        {
            **asdict(one),
            "what": {language: _sentence(words, one, language) for language in LANGUAGES},
            "next": {language: words.say(language, "next", one.word, **one.values) for language in LANGUAGES},
        }
        for one in found
    ]
    return json.dumps({"well": well(found), "findings": rows}, ensure_ascii=False, indent=1)


def _sentence(words: Words, one: Finding, language: str) -> str:
    """What is wrong, and what somebody else says of it where they say it in this language: none is half another's."""
    what = words.say(language, "what", one.word, **one.values)
    said = one.said.get(language)
    return f"{what}{': ' if language == 'en' else '：'}{said}" if said else what


def _asked_by_us(config: BrokerConfig) -> Callable[[str], Mapping[str, Any]]:
    try:
        bridge = RunningBridge(config.web, shell_token(config))
    except ConfigError:
        return _NOBODY  # another user's bridge: what it says to nobody in particular is all there is
    return lambda path: bridge.asked(path, wait_s=5)
