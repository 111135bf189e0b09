"""The files of deeds that are sent again stay small, and are read in little memory, whatever a visitor sends."""

import tracemalloc
from pathlib import Path

import pytest

from broker.durable_file import Disk
from broker.web.door import repeats
from broker.web.door.repeats import KEPT_S, LARGE, Repeats
from broker.web.problems import Refusal

DONE = 200, "application/json", b"{}"
NOON = 1_800_014_400.0


def deed(kept: Repeats, who: str, key: str, answer: tuple[int, str, bytes] = DONE, *, whole: bool = True) -> bool:
    """Whether it was done before."""
    before = kept.begin(who, key, "POST", "/x", b"")
    if before is None:
        kept.end(who, key, answer, whole=whole)
    return before is not None


def size_of(folder: Path) -> int:
    """Of all its files."""
    return sum(path.stat().st_size for path in folder.iterdir())


class Quick(Disk):
    """A disk that does not wait."""

    def fsync(self, descriptor: int) -> None:
        """At once."""

    def sync_folder(self, folder: Path) -> None:
        """At once."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that are met soon."""
    monkeypatch.setattr(repeats, "MOST_OF_ONE", 10)
    monkeypatch.setattr(repeats, "LARGE", 4000)


@pytest.mark.usefixtures("small")
def test_fresh_keys_without_end_do_not_fill_the_disk(tmp_path: Path) -> None:
    """What is still known stands in the file, over a restart: of everybody, also of the day before; no more."""
    at = NOON
    kept = Repeats(tmp_path, lambda: at, Quick())
    deed(kept, "account/li", "yesterday")
    deed(kept, "account/li", "refused", (409, "", b""))
    at += KEPT_S / 2
    kept.begin("account/li", "cut", "POST", "/x", b"")
    for number in range(500):
        deed(kept, "token/broken", f"k{number}")
        assert size_of(tmp_path) < 4000 + 2 * 4000
    for store in (kept, Repeats(tmp_path, lambda: at, Quick())):
        assert deed(store, "account/li", "yesterday") and deed(store, "token/broken", "k499")
        with pytest.raises(Refusal, match=r"being done|nobody knows"):
            store.begin("account/li", "cut", "POST", "/x", b"")
    assert not deed(Repeats(tmp_path, lambda: at), "account/li", "refused")


@pytest.mark.usefixtures("small")
def test_no_name_comes_onto_the_disk_when_a_file_is_written_anew(tmp_path: Path) -> None:
    """An answer that is known until the next start only."""
    kept = Repeats(tmp_path, lambda: NOON, Quick())
    answer = 200, "application/json", b"a name of somebody"
    deed(kept, "account/li", "named", answer, whole=False)
    for number in range(100):
        deed(kept, "token/broken", f"k{number}")
    assert kept.begin("account/li", "named", "POST", "/x", b"") == answer
    again = Repeats(tmp_path, lambda: NOON).begin("account/li", "named", "POST", "/x", b"")
    assert again is not None and again != answer


@pytest.mark.usefixtures("small")
def test_a_disk_that_lets_no_file_be_replaced_stops_no_deed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and not tried again for each of them."""

    class Fixed(Quick):
        def replace(self, source: Path, target: Path) -> None:
            raise OSError("fixed")

    kept = Repeats(tmp_path, lambda: NOON, Fixed())
    for number in range(100):
        assert not deed(kept, "token/broken", f"k{number}")
    assert 1 <= caplog.text.count("could not be written anew") <= 4
    assert deed(Repeats(tmp_path, lambda: NOON), "token/broken", "k99")


def test_a_large_file_is_read_in_little_memory(tmp_path: Path) -> None:
    """Also one without an end of a line; what stands behind it is known."""
    kept = Repeats(tmp_path, lambda: NOON, Quick())
    deed(kept, "account/li", "a")
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"x" * LARGE + b"\n" + path.read_bytes())
    tracemalloc.start()
    try:
        again = Repeats(tmp_path, lambda: NOON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LARGE / 8
    assert deed(again, "account/li", "a")
