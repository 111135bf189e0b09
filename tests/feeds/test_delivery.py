"""What waits is delivered, over whatever a receiver does; a receiver of this process answers as each test tells it."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.durable_file import Disk
from broker.feeds.outside import outbox as outboxes
from broker.feeds.outside import tries, webhook
from broker.feeds.outside.daily_file import FileSink
from broker.feeds.outside.message import MOST_BYTES, Message, message_id
from broker.feeds.outside.outbox import Outbox, Waiting
from broker.feeds.outside.sender import Sender
from broker.feeds.outside.webhook import WebhookSink, outcome_of
from tests.support.outside import SECRET, Answer, drips, receiver
from tests.support.processes import wait_until

INSIDE = ("127.0.0.1",)


def message(number: int, **data: Any) -> Message:
    """The message of this number."""
    return Message(message_id("xh", number), "alarm.opened", 1_795_000_000 + number, {"number": number, **data})


def waiting(number: int = 1) -> Waiting:
    """As it waits."""
    one = message(number)
    return Waiting(one.id, one.at, one.body())


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """An empty one."""
    found = Outbox(tmp_path / "phones", "here")
    found.open()
    return found


@contextmanager
def sending(outbox: Outbox, port: int, keep_days: int = 3) -> Iterator[Sender]:
    """A sender at work for a receiver on this machine."""
    sink = WebhookSink(f"http://127.0.0.1:{port}/in?key=1", [SECRET], INSIDE)
    sender = Sender("phones", outbox, sink, keep_days)
    sender.start()
    try:
        yield sender
    finally:
        sender.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of hundredths, as otherwise of seconds."""
    monkeypatch.setattr(tries, "FIRST_S", 0.02)
    monkeypatch.setattr(tries, "LONGEST_S", 0.1)


def test_each_message_comes_signed_once_and_in_order(outbox: Outbox) -> None:
    """The receiver verifies each; the address is the whole one."""
    for number in (3, 1, 2):
        outbox.put(message(number))
    with receiver() as received, sending(outbox, received.port) as sender:
        wait_until(lambda: len(received.messages) >= 3 and not outbox.names(), "all come")
        assert [one["data"]["number"] for _, one in received.messages] == [1, 2, 3]
        assert set(received.paths) == {"/in?key=1"}
        assert received.headers[0]["Host"] == f"127.0.0.1:{received.port}"
        assert sender.state()["delivered"] == 3


@pytest.mark.parametrize("answer", [500, 503, 429, 408, 400, 404, 302, (503, {"Retry-After": "1000000"})])
def test_what_is_not_taken_comes_again_with_its_id(outbox: Outbox, answer: Answer) -> None:
    """Three times in vain, then it is taken."""
    outbox.put(message(1))
    with receiver(answer, answer, answer, 204) as received, sending(outbox, received.port):
        wait_until(lambda: not outbox.names(), "it is taken")
        assert len(received.messages) == 4 and len(set(received.ids)) == 1


def test_why_an_earlier_bridge_could_not_deliver_is_not_said_of_the_next_one(outbox: Outbox) -> None:
    """Killed while the receiver was away; the next one delivers at its first try, and nothing is wrong any more."""
    outbox.put(message(1))
    with receiver(500) as received, sending(outbox, received.port):
        wait_until(lambda: outbox.said().get("why") == "it answers 500", "it is said")
    with receiver() as received, sending(outbox, received.port):
        wait_until(lambda: not outbox.names(), "it is taken")
        assert outbox.said()["why"] == ""


def test_nobody_is_followed_elsewhere(outbox: Outbox) -> None:
    """A redirect to another receiver brings it nothing."""
    outbox.put(message(1))
    with receiver() as other:
        away = (307, {"Location": f"http://127.0.0.1:{other.port}/in"})
        with receiver(away, away, 204) as received, sending(outbox, received.port):
            wait_until(lambda: not outbox.names(), "it is taken in the end")
        assert other.messages == []


def test_410_ends_it_until_somebody_asks_again(outbox: Outbox, tmp_path: Path) -> None:
    """What waits is given up, nothing more is kept; another address begins anew, and so does `retry`."""
    for number in range(5):
        outbox.put(message(number))
    with receiver(410) as received, sending(outbox, received.port) as sender:
        wait_until(lambda: sender.state()["ended"] and len(outbox.dead()) == 5, "it has ended it")
        outbox.put(message(9))
        assert outbox.names() == [] and len(received.messages) == 1
        moved = Outbox(tmp_path / "phones", "elsewhere")
        assert not moved.ended()
        received.answers = [204]
        assert outbox.revive() == 5
        wait_until(lambda: sender.state()["delivered"] == 5 and not outbox.dead(), "all of it comes")
        assert len(set(received.ids)) == 5


def test_a_receiver_that_drips_or_hangs_costs_a_while_and_no_more(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of a byte at a time has an end; meanwhile putting a message costs nobody anything."""
    monkeypatch.setattr(webhook, "WHOLE_S", 0.3)
    outbox.put(message(1))
    with receiver(drips, 204) as received, sending(outbox, received.port):
        wait_until(lambda: received.messages, "it drips")
        outbox.put(message(2))
        wait_until(lambda: not outbox.names(), "both are taken")
        assert len(set(received.ids)) == 2 and len(received.ids) == 3


def test_whoever_listens_and_says_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is taken and never answered."""
    monkeypatch.setattr(webhook, "STEP_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sink = WebhookSink(f"http://127.0.0.1:{listener.getsockname()[1]}/", [SECRET], INSIDE)
        assert sink.deliver(waiting()) == ("in_vain", "it does not answer in time", 0.0)


def test_what_is_no_http_is_in_vain() -> None:
    """A receiver that speaks something else, or lets go of the line."""
    many = b"HTTP/1.1 204 x\r\n" + b"a: b\r\n" * 500
    for said in (b"SSH-2.0-x\r\n", b"", b"HTTP/1.1 999999999999999999999 no\r\n\r\n", many):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def answer(door: socket.socket = listener, words: bytes = said) -> None:
                guest, _ = door.accept()
                with guest:
                    guest.recv(10_000)
                    guest.sendall(words)

            threading.Thread(target=answer, daemon=True).start()
            sink = WebhookSink(f"http://127.0.0.1:{listener.getsockname()[1]}/", [SECRET], INSIDE)
            assert sink.deliver(waiting()).what == "in_vain", said


def test_two_secrets_sign_both() -> None:
    """A receiver that has the old one or the new one takes it."""
    with receiver() as received:
        for secrets in ([SECRET, "whsec_" + "b" * 32], ["whsec_" + "b" * 32, SECRET]):
            sink = WebhookSink(f"http://127.0.0.1:{received.port}/", secrets, INSIDE)
            assert sink.deliver(waiting()).what == "delivered"


@pytest.mark.parametrize(
    ("status", "what"),
    [(200, "delivered"), (202, "delivered"), (301, "refused"), (400, "refused"), (401, "refused"), (410, "ended"),
     (429, "in_vain"), (500, "in_vain"), (502, "in_vain"), (504, "in_vain")],
)  # fmt: skip
def test_a_status_says_what_came_of_it(status: int, what: str) -> None:
    """2xx has it, 410 wants no more, a busy or broken receiver is asked later, anything else is about this message."""
    assert outcome_of(status).what == what


def test_a_wish_for_time_that_is_none_is_not_heard() -> None:
    """A date, a word, a number that no clock has."""
    assert [outcome_of(503, said).wait_s for said in ("60", "soon", "-1", "²", "9" * 400, None)] == [60, 0, 0, 0, 0, 0]


def test_what_is_too_old_or_too_much_is_given_up(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest first; and of the dead the newest are kept."""
    monkeypatch.setattr(outboxes, "MOST_WAITING", 4)
    monkeypatch.setattr(outboxes, "MOST_DEAD", 2)
    for number in range(6):
        outbox.put(message(number))
    now = time.time()
    assert outbox.sweep(now, 3600) == 2
    names = outbox.names()
    os.utime(outbox.folder / "waiting" / names[0], (now - 4000, now - 4000))
    assert outbox.sweep(now, 3600) == 1
    assert outbox.names() == names[1:] and outbox.dead()[-1] == names[0] and len(outbox.dead()) == 2


def test_a_message_that_no_receiver_would_take_is_not_kept(outbox: Outbox) -> None:
    """Larger than a receiver must expect."""
    outbox.put(message(1, text="x" * MOST_BYTES))
    assert outbox.names() == []


def test_a_spoiled_file_is_set_aside_and_the_others_go(outbox: Outbox) -> None:
    """A file that is empty, or holds something else."""
    outbox.put(message(2))
    for name, content in (("000000000001-a.json", b""), ("000000000002-b.json", b"[]"), ("0-c.json", b'{"id": 1}')):
        (outbox.folder / "waiting" / name).write_bytes(content)
    with receiver() as received, sending(outbox, received.port):
        wait_until(lambda: not outbox.names(), "the good one goes")
        assert len(received.messages) == 1
    assert len(list((outbox.folder / "waiting").glob("*.spoiled"))) == 3


def test_what_was_taken_is_not_sent_again_when_its_file_cannot_be_removed(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is read only for a while: the thread goes on, and the receiver hears it once."""
    outbox.put(message(1))
    stuck = [True]
    removed = Outbox.delivered

    def delivered(self: Outbox, name: str) -> None:
        stuck.append(True)
        if stuck[0]:
            raise OSError(30, "Read-only file system")
        removed(self, name)

    monkeypatch.setattr(Outbox, "delivered", delivered)
    monkeypatch.setattr("broker.feeds.outside.sender.SWEEP_S", 0.1)
    with receiver() as received, sending(outbox, received.port):
        wait_until(lambda: len(stuck) > 3, "it was tried to remove it some times")
        stuck[0] = False
        wait_until(lambda: not outbox.names(), "its file goes")
        assert len(received.messages) == 1


class Failing(Disk):
    """A disk on which nothing can be made durable."""

    def fsync(self, descriptor: int) -> None:
        """Fails."""
        raise OSError(28, "No space left on device")


def test_a_disk_that_is_full_keeps_nothing_half(tmp_path: Path) -> None:
    """Whoever puts a message hears of it; no file is there."""
    outbox = Outbox(tmp_path / "phones", "here", Failing())
    outbox.open()
    with pytest.raises(OSError, match="No space"):
        outbox.put(message(1))
    assert outbox.names() == []


def test_a_file_a_day_has_a_line_for_each_and_no_half_ones(tmp_path: Path) -> None:
    """What a kill left half written is cut before the next line; days are the area's."""
    sink = FileSink(tmp_path / "files", "Asia/Shanghai")
    assert sink.deliver(waiting(1)).what == "delivered"
    (path,) = (tmp_path / "files").iterdir()
    with path.open("ab") as file:
        file.write(b'{"id":"msg_half')
    assert sink.deliver(waiting(2)).what == "delivered"
    lines = path.read_text().splitlines()
    assert [line.partition('"number": ')[2] for line in lines] == ["1}}", "2}}"]
    assert FileSink(tmp_path / "files", "Asia/Shanghai", Failing()).deliver(waiting(3)).what == "in_vain"
    assert path.read_text().splitlines() == lines
