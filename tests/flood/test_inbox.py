"""What waits for the loop: a lane for each device, one more for presses; what is over an allowance is refused."""

import queue
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.config import LimitsConfig
from broker.mqtt.allowance import Bucket
from broker.mqtt.inbox import MOST_WAITING, Inbox, Message
from broker.mqtt.link import Arrived, Down, Event, Up

AT = 1_000_000.0


def fix(truck: str, number: int, payload: bytes = b"x") -> tuple[str, bytes, int]:
    """A position."""
    return f"zp/v1/xh/truck/{truck}/fix", payload, number


def press(truck: str, number: int, payload: bytes = b"x") -> tuple[str, bytes, int]:
    """A press with an id of its own."""
    return f"zp/v1/xh/truck/{truck}/incident/p{number}", payload, number


def everything(inbox: Inbox) -> list[Event]:
    """What is there, in the order the loop would get it."""
    found: list[Event] = []
    while True:
        try:
            found.append(inbox.get_nowait())
        except queue.Empty:
            return found


def numbers(events: list[Event]) -> list[int]:
    """The messages' numbers, in their order."""
    return [number for event in events if isinstance(event, Arrived) for _, _, number in event.messages]


def test_a_press_goes_before_what_came_earlier() -> None:
    """A thousand positions of another truck wait behind it, and of its own."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([fix("t01", n) for n in range(1, 1001)] + [press("t02", 2000)], 1))
    first = inbox.get_nowait()
    assert isinstance(first, Arrived) and [number for _, _, number in first.messages] == [2000]


def test_each_device_has_its_turn() -> None:
    """Who says much waits for itself: another's word comes after one chunk."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([fix("t01", n) for n in range(1, 1001)] + [fix("t02", 2000)], 1))
    assert numbers(everything(inbox)).index(2000) <= 100


def test_one_that_presses_and_presses_does_not_keep_another_waiting() -> None:
    """Presses too are taken from each in turn."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([press("t01", n) for n in range(1, 51)] + [press("t02", 2000)], 1))
    assert numbers(everything(inbox)).index(2000) <= 1


@given(st.lists(st.tuples(st.sampled_from(["t01", "t02", "t03"]), st.booleans()), max_size=150))
def test_nothing_within_the_allowance_is_lost_doubled_or_turned_round(said: list[tuple[str, bool]]) -> None:
    """Every number comes once, and those of one device's lane in their order."""
    inbox = Inbox(LimitsConfig(presses_per_minute=1000), lambda: AT)
    messages = [(press if pressed else fix)(truck, n) for n, (truck, pressed) in enumerate(said, start=1)]
    assert inbox.put(Arrived(messages, 1)) == []
    came = numbers(everything(inbox))
    assert sorted(came) == list(range(1, len(said) + 1))
    for lane in {*said}:
        mine = [n for n in came if said[n - 1] == lane]
        assert mine == sorted(mine)


def test_messages_of_two_connections_are_not_mixed() -> None:
    """A number means something on its own connection only."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([press("t01", 1), fix("t01", 2)], 1))
    inbox.put(Arrived([press("t01", 1), press("t02", 2), fix("t01", 3)], 2))
    for event in everything(inbox):
        assert isinstance(event, Arrived)
        assert event.connection in (1, 2)
        of_first = {(topic, number) for topic, _, number in event.messages} if event.connection == 1 else set()
        assert of_first <= {(press("t01", 1)[0], 1), (fix("t01", 2)[0], 2)}


def test_connections_that_come_and_go_are_told_first() -> None:
    """The loop knows of the link before it works on what came through it."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([fix("t01", 1)], 1))
    inbox.put(Down())
    inbox.put(Up())
    assert [type(event) for event in everything(inbox)] == [Down, Up, Arrived]


def test_what_is_over_is_refused_at_once_and_named() -> None:
    """Its numbers come back, so that the broker may go on; the device and the limit are known."""
    inbox = Inbox(LimitsConfig(messages_per_s=5), lambda: AT)
    refused = inbox.put(Arrived([fix("t01", n) for n in range(1, 101)], 1))
    assert refused == list(range(51, 101))
    assert inbox.refused == {("truck", "t01"): 50}
    assert inbox.limit_of(("truck", "t01")) == "messages_per_s"
    assert inbox.put(Arrived([fix("t02", 1)], 1)) == []


def test_a_device_is_heard_again_at_its_pace() -> None:
    """Refused now, taken a second later."""
    clock = [AT]
    inbox = Inbox(LimitsConfig(messages_per_s=5), lambda: clock[0])
    inbox.put(Arrived([fix("t01", n) for n in range(1, 101)], 1))
    everything(inbox)
    clock[0] += 1.0
    assert inbox.put(Arrived([fix("t01", n) for n in range(101, 111)], 1)) == [106, 107, 108, 109, 110]


def test_the_topic_of_a_refused_press_is_cleared_and_the_echo_is_nobodys() -> None:
    """What would stay at the broker is taken away once; the empty message that comes back counts for nothing."""
    inbox = Inbox(LimitsConfig(presses_per_minute=1), lambda: AT)
    inbox.put(Arrived([press("t01", 1), press("t01", 2)], 1))
    assert inbox.take_to_clear(10, lambda _: False) == ["zp/v1/xh/truck/t01/incident/p2"]
    assert inbox.put(Arrived([press("t01", 3, b"")], 1)) == [3]
    assert inbox.refused[("truck", "t01")] == 1
    assert inbox.take_to_clear(10, lambda _: False) == []


def test_the_topic_of_an_open_press_stays() -> None:
    """It is sent once too often, and it is still what the truck says."""
    inbox = Inbox(LimitsConfig(presses_per_minute=1), lambda: AT)
    inbox.put(Arrived([press("t01", 1), press("t01", 1)], 1))
    assert inbox.take_to_clear(10, lambda topic: topic.endswith("/p1")) == []


def test_who_is_refused_again_and_again_floods() -> None:
    """Said once; large messages count for several."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([fix("t01", n) for n in range(1, 30_000)], 1))
    inbox.put(Arrived([fix("t03", n, bytes(60_000)) for n in range(1, 60)], 1))
    inbox.put(Arrived([fix("t02", n) for n in range(1, 100)], 1))
    assert inbox.take_flooding() == {("truck", "t01"): "messages_per_s", ("truck", "t03"): "kilobytes_per_s"}
    assert inbox.take_flooding() == {}


def test_a_backlog_is_refused_in_part_and_is_no_flood() -> None:
    """Five thousand kept positions in 5 s, sent again until they are taken; the press among them is heard at once."""
    clock = [AT]
    inbox = Inbox(LimitsConfig(), lambda: clock[0])
    kept = [fix("t01", n, bytes(240)) for n in range(1, 5001)]
    for _ in range(20):
        for start in range(0, len(kept), 1000):
            refused = {*inbox.put(Arrived(kept[start : start + 1000], 1))}
            everything(inbox)
            kept[start : start + 1000] = [one for one in kept[start : start + 1000] if one[2] in refused]
            clock[0] += 1.0
        assert inbox.put(Arrived([press("t01", 9000 + len(kept), bytes(200))], 1)) == []
    assert kept == []
    assert inbox.refused[("truck", "t01")] and inbox.take_flooding() == {}


@pytest.mark.parametrize(("said", "a_second"), [(fix, 20_000), (press, 8000)])
def test_ten_times_the_pace_is_a_flood(said: Callable[[str, int], Message], a_second: int) -> None:
    """Positions, and presses that each have another id, for as long as it takes."""
    clock = [AT]
    inbox = Inbox(LimitsConfig(), lambda: clock[0])
    for tenth in range(100):
        clock[0] += 0.1
        inbox.put(Arrived([said("t01", tenth * 10_000 + n) for n in range(1, a_second // 10)], 1))
        everything(inbox)
        if inbox.take_flooding():
            break
    assert tenth < 30


def test_what_is_forgotten_of_a_device_is_told_so_that_the_broker_may_go_on() -> None:
    """Every number of what waited comes back with its connection; presses wait on, and so do other devices."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    inbox.put(Arrived([fix("t01", 1), press("t01", 2), fix("t02", 3), fix("t01", 4), fix("t01", 0)], 1))
    inbox.put(Arrived([fix("t01", 1)], 2))
    assert inbox.forget_waiting(("truck", "t01")) == {1: [1, 4], 2: [1]}
    assert inbox.forget_waiting(("truck", "t01")) == {}
    assert inbox.forget_waiting(("truck", "nobody")) == {}
    assert numbers(everything(inbox)) == [2, 3]


def test_names_that_are_made_up_fill_no_memory() -> None:
    """A broker without an access list: each message from another device, each on another topic."""
    inbox = Inbox(LimitsConfig(), lambda: AT)
    for start in range(0, 60_000, 1000):
        inbox.put(Arrived([fix(f"x{n}", 1) for n in range(start, start + 1000)], 1))
        everything(inbox)
    assert len(inbox._lanes) <= 20_001  # what it holds is nowhere to be seen


def test_a_full_inbox_lets_the_link_end() -> None:
    """At the end of the bridge nobody takes anything: whoever waits to put is let go."""
    most = LimitsConfig(messages_per_s=100_000, kilobytes_per_s=100_000, messages_per_day=10_000_000)
    inbox = Inbox(most, lambda: AT)
    inbox.put(Arrived([fix("t01", 1)] * (MOST_WAITING + 1), 1))
    putting = threading.Thread(target=inbox.put, args=(Arrived([fix("t02", 1)], 1),), daemon=True)
    putting.start()
    assert putting.is_alive()
    inbox.close()
    putting.join(20)
    assert not putting.is_alive()


def test_a_clock_that_is_set_back_neither_gives_nor_takes() -> None:
    """Nobody is refused for it, nobody gains by it."""
    bucket = Bucket(1.0, 2.0)
    assert [bucket.take(1, at) for at in (100.0, 100.0, 100.0, 50.0, 51.0)] == [True, True, False, False, True]
