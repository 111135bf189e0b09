"""What is seen of [outside]: who is told, where it waits, and what is given up."""

import os
import time
from pathlib import Path

from broker.feeds.outside.receivers import Receivers
from broker.rules.states.answer import Answer
from tests.support.outside import SECRET, Received, picture_of, press, receiver, secret_in, telling
from tests.support.processes import wait_until
from tests.support.settings.broker import PORT
from tests.support.settings.day import configured

TOLD = f'name = "phones"\nurl = "http://127.0.0.1:{PORT}/one"\nsecret_file = "secret"\ninside = ["127.0.0.1"]\n'


def _heard(folder: Path, text: str) -> Received:
    """What a receiver at PORT has of a bridge with this configuration that sees a press, once it or nobody has it."""
    secret_in(folder)
    (folder / "other").write_text(f"{SECRET[:-4]}AAAA\n")
    (folder / "other").chmod(0o600)
    with receiver(port=PORT) as received, telling(configured(folder, text), lambda: picture_of(press())) as found:
        wait_until(lambda: _is_settled(found), "it is delivered, or was tried")
    return received


def _is_settled(found: Receivers) -> bool:
    return all(one["delivered"] or one["why"] for one in found.state())


def _nothing_waits(folder: Path) -> bool:
    """Whether no outbox has anything; `state` knows of it only once its sender has looked."""
    return not any((folder / "data" / "outside").glob("*/waiting/*.json"))


def paths_called(folder: Path, text: str) -> list[str]:
    """Where the receiver was called."""
    return _heard(folder, text).paths


def is_believed(folder: Path, text: str) -> bool:
    """Whether the receiver, which has the secret of the file `secret`, has the message."""
    return bool(_heard(folder, text).messages)


def places_of_messages(folder: Path, text: str) -> list[str]:
    """In which folders something of a message is, once it is told or waits."""
    secret_in(folder)
    with telling(configured(folder, text), lambda: picture_of(press())) as found:
        wait_until(lambda: _is_settled(found), "it is delivered, or was tried")
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("*.json*") if path.stat().st_size)


def is_told_of_alarms(folder: Path, text: str) -> bool:
    """Whether a press is told, of two receivers of which the other has everything."""
    everything = '[[outside.receiver]]\nname = "all"\nfolder = "all"\n'
    with telling(configured(folder, text + everything), lambda: picture_of(press())):
        wait_until(lambda: list((folder / "all").glob("*")), "the other is told")
        wait_until(lambda: _nothing_waits(folder), "nothing waits")
    return bool(list((folder / "files").glob("*")))


def is_told_of_a_room_of_e01(folder: Path, text: str) -> bool:
    """Whether a press before r01, which is of e01, is told, of two receivers of which the other has everything."""
    everything = '[[outside.receiver]]\nname = "all"\nfolder = "all"\n'
    picture = picture_of(press())
    rows = [{**row, "room": "r01"} for row in picture["incidents"]]
    picture = {**picture, "rooms": [{"room": "r01", "estate": "e01", "name": "r01"}], "incidents": rows}
    with telling(configured(folder, text + everything), lambda: picture):
        wait_until(lambda: list((folder / "all").glob("*")), "the other is told")
        wait_until(lambda: _nothing_waits(folder), "nothing waits")
    return bool(list((folder / "files").glob("*")))


def is_told_what_the_first_firm_is_asked(folder: Path, text: str) -> bool:
    """Whether somebody is told what a contractor of that name is asked, of two receivers of which the other has it."""
    everything = '[[outside.receiver]]\nname = "all"\nfolder = "all"\n'
    picture = picture_of(press())
    (row,) = picture["incidents"]
    firm = Answer.asked("contractor", "first", row["raised_at"], "x01", "extra").body()
    picture = {**picture, "incidents": [{**row, "answers": [firm]}]}
    with telling(configured(folder, text + everything), lambda: picture):
        wait_until(lambda: any("answer.asked" in path.read_text() for path in (folder / "all").glob("*")), "told")
        wait_until(lambda: _nothing_waits(folder), "nothing waits")
    said = [path.read_text() for path in (folder / "files").glob("*")]
    assert all("alarm.opened" not in text for text in said)
    return bool(said)


def is_given_up_after_two_days(folder: Path, text: str) -> bool:
    """Whether what waits for two days for somebody who is away is given up."""
    secret_in(folder)
    config = configured(folder, text)
    with telling(config, lambda: picture_of(press())) as found:
        wait_until(lambda: _is_settled(found), "it was tried")
    (name,) = (folder / "data" / "outside" / "phones" / "waiting").iterdir()
    os.utime(name, (time.time() - 2 * 86_400,) * 2)
    with telling(config, lambda: picture_of(press())) as found:
        wait_until(lambda: found.state()[0]["dead"] or _is_settled(found), "it is tried again or given up")
        return bool(found.state()[0]["dead"])
