"""The doctor finds each thing that it knows, says it in both languages with what to do next, and nothing else."""

import json
import shutil
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from broker.commands.upkeep.doctor import as_json, as_text, usual_language
from broker.config import BrokerConfig, ConfigError
from broker.upkeep import doctor
from broker.upkeep.doctor import looking, machine
from broker.upkeep.doctor.judging import findings, well
from broker.upkeep.doctor.looking import look
from broker.upkeep.doctor.sights import Disk, Outside, Sights
from broker.words import LANGUAGES, Words
from tests.support.record.samples import NOON
from tests.support.upkeep.office import Office

WORDS = Words(Path(doctor.__file__).parent / "words")
ROOMY = Disk("/data", 90_000_000_000, 100_000_000_000, 1_000_000)
HEALTH = {"fw": "1.0.0", "reasons": []}
# An office of which nothing is to be said.
SOUND = Sights(
    NOON, "1.0.0", plan_last_day="2026-12-31", plan_days_left=31, bridge=HEALTH, disks=(ROOMY,),
    clock_synchronised=True, newest_record_at=NOON - 5, devices_ahead_s=(0, 1, 0), open_files=65_536,
    connections=5000, memory_free_mb=3000, outside=(Outside("platform", 0, None, 0, ended=False),),
    certificates={"[web] cert_file": NOON + 300 * 86_400}, has_records=True, backup_folder="/copies",
    backup_at=NOON - 3600,
)  # fmt: skip


def ill(level: str) -> dict[str, object]:
    """A bridge that says one thing of itself."""
    row = {"word": "link_lost", "level": level, "en": "no connection", "zh": "没有连接"}
    return {**HEALTH, "reasons": [row]}


# Each finding, and how an office looks in which it is so.
CASES = {
    "config_wrong": {"config_wrong": "broker.toml: [area] plan: is missing", "bridge": None},
    "secret_wrong": {"secret_wrong": "[mqtt] password_file: others can read it"},
    "people_wrong": {"people_wrong": "[people] folder: people.json is damaged"},
    "bridge_away": {"bridge": None},
    "bridge_old": {"bridge": {**HEALTH, "fw": "0.9.0"}},
    "bridge_ill": {"bridge": ill("severe")},
    "bridge_warns": {"bridge": ill("warning")},
    "unstored": {"unstored": 3},
    "mosquitto_missing": {"mosquitto_missing": True},
    "broker_wrong": {"broker_wrong": "[mqtt] the broker cannot be reached"},
    "mosquitto_unsafe": {"mosquitto_unsafe": ("2.0.12 can lose sessions",)},
    "not_writable": {"disks": (replace(ROOMY, writable=False),)},
    "disk_full": {"disks": (replace(ROOMY, free_bytes=150_000_000),)},
    "disk_low": {"disks": (replace(ROOMY, free_bytes=4_000_000_000),)},
    "few_files": {"disks": (replace(ROOMY, free_files=9_000),)},
    "other_owner": {"disks": (replace(ROOMY, owner="root"),)},
    "clock_free": {"clock_synchronised": False},
    "clock_back": {"newest_record_at": NOON + 600},
    "clock_behind_devices": {"devices_ahead_s": (20, 21, 22, 0)},
    "clock_ahead_of_devices": {"devices_ahead_s": (-20, -21, -22, 0)},
    "certificate_wrong": {"certificate_wrong": "[web] cert_file: ended on 2026-01-01"},
    "certificate_ends": {"certificates": {"[web] cert_file": NOON + 29 * 86_400}},
    "few_open_files": {"open_files": 1024},
    "memory_low": {"memory_free_mb": 200},
    "plan_ended": {"plan_state": "ended"},
    "plan_never": {"plan_state": "never"},
    "plan_not_begun": {"plan_state": "not_begun"},
    "plan_ends": {"plan_days_left": 7},
    "record_wrong": {"record_wrong": "row 7 is not what was written"},
    "no_backup": {"backup_at": None},
    "backup_ahead": {"backups_ahead": 1},
    "backup_old": {"backup_at": NOON - 37 * 3600},
    "backup_same_disk": {"backup_on_same_disk": True},
    "outside_ended": {"outside": (Outside("platform", 0, None, 0, ended=True),)},
    "outside_dead": {"outside": (Outside("platform", 0, None, 4, ended=False),)},
    "outside_late": {"outside": (Outside("platform", 2, NOON - 900, 0, ended=False),)},
}
NOTES = {"bridge_away", "backup_same_disk"}


def test_a_sound_office_has_no_finding() -> None:
    """Else nobody would read the others."""
    assert findings(SOUND) == []


@pytest.mark.parametrize("word", CASES)
def test_each_finding_is_found_alone_and_said_in_both_languages(word: str) -> None:
    """With what to do next; Chinese without an English sentence in it, English without Chinese."""
    found = findings(replace(SOUND, **CASES[word]))
    assert [one.word for one in found] == [word]
    assert well(found) is (word in NOTES)
    english, chinese = (as_text(WORDS, found, language).splitlines()[1:3] for language in ("en", "zh"))
    assert all(line.isascii() for line in english)
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in line) for line in chinese)
    assert "next: " in english[1] and "下一步：" in chinese[1] and len(english[1]) > 30
    (said,) = json.loads(as_json(WORDS, found))["findings"]
    assert set(said["what"]) == set(said["next"]) == set(LANGUAGES)


def test_each_word_of_the_doctor_has_a_case() -> None:
    """A new finding needs a case here, and one that is gone no words."""
    for language in LANGUAGES:
        groups = WORDS.groups(language)
        assert set(groups["what"]) == set(groups["next"]) == set(CASES)


def test_the_worst_comes_first_and_a_full_disk_is_said_once() -> None:
    """However many folders lie on it."""
    full = replace(ROOMY, free_bytes=1)
    found = findings(replace(SOUND, clock_synchronised=False, bridge=None, disks=(full, replace(full, path="/two"))))
    assert [one.word for one in found] == ["disk_full", "clock_free", "bridge_away"]


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "C"}, "en"), ({}, "en"),
     ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en")],
)  # fmt: skip
def test_the_language_is_the_terminals(environment: dict[str, str], language: str) -> None:
    """Unless another one is asked for."""
    assert usual_language(environment) == language


# --- what is seen of an office that is there ---------------------------------------------------------------------


def nobody(_: BrokerConfig) -> looking.Asked:
    """No bridge that could be asked."""
    return lambda _: {}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """One with a record and a backup of today; no Mosquitto is asked for its version."""
    monkeypatch.setattr(looking, "find_mosquitto", lambda: None)
    office = Office(tmp_path / "office", "[embedded]\nenabled = true\n")
    office.stores(1, 20)
    office.keeps_the_rest()
    shutil.rmtree(office.config.people.folder)
    assert office.does("backup", "--keep", "0") == 0
    return office


def words_of(office: Office, now: float | None = None) -> set[str]:
    """What the doctor says there, but for this machine's own clock, memory, disk and Mosquitto."""
    sights = look(office.config_path, nobody, int(now or time.time()))
    sights = replace(sights, clock_synchronised=True, memory_free_mb=None, mosquitto_missing=False,
                     mosquitto_unsafe=(), open_files=None, backup_on_same_disk=False,
                     disks=tuple(replace(one, free_bytes=10**11, owner="") for one in sights.disks))  # fmt: skip
    return {one.word for one in findings(sights)}


def test_nothing_is_wrong_with_an_office_just_made(office: Office) -> None:
    """Its record, plan, backup and files are looked at, and are well."""
    assert words_of(office) == set()


def test_a_configuration_that_cannot_be_read_is_the_one_finding(office: Office) -> None:
    """Nothing else can be looked at then."""
    office.config_path.write_text("[area]\n")
    assert words_of(office) == {"config_wrong"}


def test_a_damaged_row_is_found_in_a_moment(office: Office) -> None:
    """One of the newest by its checksum, and one that is missing by its number."""
    with sqlite3.connect(office.records / "record.sqlite") as database:
        database.execute("UPDATE record SET body = '{}' WHERE row = 7")
    database.close()
    assert words_of(office) == {"record_wrong"}


def test_a_missing_row_is_found_by_its_number(office: Office) -> None:
    """Nobody ever removes one."""
    with sqlite3.connect(office.records / "record.sqlite") as database:
        database.execute("DELETE FROM record WHERE row = 3")
    database.close()
    assert words_of(office) == {"record_wrong"}


def test_no_backup_and_an_old_one_are_two_findings(office: Office) -> None:
    """By what the backups say of themselves, whatever the times of their files are."""
    assert words_of(office, time.time() + 3 * 86_400) == {"backup_old"}
    shutil.rmtree(office.folder / "backups")
    assert words_of(office) == {"no_backup"}


def test_backups_dated_after_now_are_found_and_hide_no_older_one(office: Office) -> None:
    """Of a night on which the clock was wrong; the newest that is believed is that of the night before."""
    (made,) = (office.folder / "backups").glob("zhanpai-*")
    wrong = made.with_name(f"zhanpai-{office.area}-2096-11-30T00-00-00Z")
    shutil.copytree(made, wrong)
    said = json.loads((wrong / "manifest.json").read_bytes())
    (wrong / "manifest.json").write_text(json.dumps({**said, "made_at": 4_004_985_600}))
    assert words_of(office) == {"backup_ahead"}
    assert words_of(office, time.time() + 3 * 86_400) == {"backup_ahead", "backup_old"}


def test_a_clock_that_went_back_is_seen_by_the_newest_record(office: Office) -> None:
    """Which was received later than now, and no plan or backup is blamed for it."""
    assert "clock_back" in words_of(office, NOON - 3600)


def test_a_secret_that_others_can_read_is_found(office: Office) -> None:
    """As --check-config finds it."""
    text = office.config_path.read_text().replace("enabled = true", 'accounts = "accounts"\nenabled = true')
    office.config_path.write_text(text)
    (office.folder / "accounts").write_text("t01:secret\n")
    (office.folder / "accounts").chmod(0o644)
    assert words_of(office) == {"secret_wrong"}


def test_damaged_accounts_are_found(office: Office) -> None:
    """They let nobody in."""
    office.config.people.folder.mkdir(parents=True)
    (office.config.people.folder / "people.json").write_text("{")
    assert words_of(office) == {"people_wrong"}


def test_what_a_receiver_is_not_told_is_found(office: Office) -> None:
    """By the folder in which it waits."""
    text = '[[outside.receiver]]\nname = "platform"\nfolder = "platform"\n'
    office.config_path.write_text(office.config_path.read_text() + text)
    waiting = office.config.outside.folder / "platform" / "waiting"
    waiting.mkdir(parents=True)
    (waiting / f"{int(time.time()) - 3600:012d}-m1.json").write_text("{}")
    assert words_of(office) == {"outside_late"}
    dead = waiting.parent / "dead"
    dead.mkdir()
    (dead / "000000000001-m0.json").write_text("{}")
    assert words_of(office) == {"outside_dead"}


def test_a_broker_apart_that_does_not_answer_is_found(office: Office) -> None:
    """Where no bridge runs that would say so."""
    office.config_path.write_text(office.config_path.read_text().replace("enabled = true", "enabled = false"))
    assert words_of(office) == {"broker_wrong"}


def test_the_machine_is_asked_and_not_guessed(tmp_path: Path) -> None:
    """Disk, memory and clock of this machine, as its kernel has them."""
    disk = machine.disk_below(tmp_path / "not" / "there")
    assert 0 < disk.free_bytes <= disk.all_bytes and disk.writable and not disk.owner
    (tmp_path / "meminfo").write_text("MemTotal: 1 kB\nMemAvailable:  2000000 kB\n")
    assert machine.memory_free_mb(tmp_path / "meminfo") == 2000
    assert machine.memory_free_mb(tmp_path / "none") is None
    assert machine.clock_synchronised() in (True, False, None)


def test_certificates_that_end_soon_are_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the key that names them."""
    monkeypatch.setattr(looking, "ends_of", lambda _: {"[web] cert_file": int(time.time()) + 86_400})
    assert words_of(office) == {"certificate_ends"}

    def over(*_: object) -> str:
        raise ConfigError("[web] cert_file: ended on 2026-01-01")

    monkeypatch.setattr(looking, "check_certificates", over)
    assert "certificate_wrong" in words_of(office)
