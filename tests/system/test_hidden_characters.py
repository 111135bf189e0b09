"""What nobody sees is refused by name wherever a person writes: configuration, settings, scenarios, registers."""

from pathlib import Path

import pytest

from broker.config import ConfigError, read_config
from broker.plain_text import hidden_character
from broker.registers.errors import Invalid
from broker.registers.folder import SAFETY
from broker.registers.safety.demo import demo_works
from broker.registers.validation import checked
from firmware.truck.config import ConfigError as TruckError
from firmware.truck.config import parse as parse_truck
from sim.scenario.scenario import FOLDER, ScenarioError
from sim.scenario.scenario import parse as parse_scenario
from tools.flashing.errors import FlashError
from tools.flashing.settings import load_settings

HIDDEN = {
    "zero width space": "\u200b", "zero width joiner": "\u200d", "right-to-left override": "\u202e",
    "left-to-right isolate": "\u2066", "word joiner": "\u2060", "soft hyphen": "\u00ad", "bell": "\x07",
    "mark": "\ufeff", "null": "\x00",
}  # fmt: skip
SEEN = ("香禾街道(演示) / Xianghe", "r01", "Übergang 1·2 “x”", "東門許功蓋", "🚛")
everywhere = pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)


def escaped(character: str) -> str:
    """The character as TOML writes it."""
    return f"\\u{ord(character):04x}"


@everywhere
@pytest.mark.parametrize(
    ("section", "key", "text"),
    [("mqtt", "host", "192.0.2.7"), ("mqtt", "user", "bridge"), ("area", "plan", "plan"), ("store", "url", "data"),
     ("embedded", "folder", "data"), ("mqtt", "password_file", "key"), ("web", "hosts", ["screen.example"])],
)  # fmt: skip
def test_the_bridge_names_file_section_and_key(
    tmp_path: Path, hidden: str, section: str, key: str, text: str | list[str]
) -> None:
    """An address that was copied out of a chat looks right and is nobody's."""
    value = f'["{text[0]}{escaped(hidden)}"]' if isinstance(text, list) else f'"{text}{escaped(hidden)}"'
    file = tmp_path / "broker.toml"
    file.write_text(("" if section == "area" else '[area]\nplan = "demo"\n') + f"[{section}]\n{key} = {value}\n")
    with pytest.raises(ConfigError) as refused:
        read_config(file)
    assert f"broker.toml: [{section}] {key}: holds U+{ord(hidden):04X} " in str(refused.value)
    assert hidden not in str(refused.value)


@pytest.mark.parametrize("key", ["embedded.folder", "registers.folder", "mqtt.password_file", "playback.folder"])
def test_an_empty_path_is_refused(tmp_path: Path, key: str) -> None:
    """It would be the folder of the configuration itself."""
    section, name = key.split(".")
    file = tmp_path / "broker.toml"
    file.write_text(f'[area]\nplan = "demo"\n[{section}]\n{name} = ""\n')
    with pytest.raises(ConfigError, match=rf"\[{section}\] {name}: must not be empty"):
        read_config(file)


@everywhere
def test_the_truck_and_the_flasher_refuse_it(tmp_path: Path, hidden: str) -> None:
    """By section and key."""
    text = '[truck]\nid = "t01"\narea = "xh"\n[mqtt]\nhost = "a{}"\n[gps]\nport = "/dev/serial0"\n'
    with pytest.raises(TruckError, match=r"\[mqtt\] host: holds a character that cannot be seen"):
        parse_truck(text.format(escaped(hidden)), "truck.toml")
    parse_truck(text.format(""), "truck.toml")
    file = tmp_path / "flash.toml"
    file.write_text(f'[area]\nid = "xh"\n[broker]\nhost = "a{escaped(hidden)}"\n')
    with pytest.raises(FlashError) as refused:
        load_settings(file)
    assert "section [broker], key host: holds a character that cannot be seen" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('runs = ["wet-north-1"]', 'runs = ["wet-north-1\\u200b"]', "runs holds U+200B (zero width space)"),
        ('room = "r05"', 'room = "r05\\u202e"', "room holds U+202E (right-to-left override)"),
        ('about = "', 'about = "\\u2066', "about holds U+2066 (left-to-right isolate)"),
        ("bins_each = 4", "leave = {wet-north-1 = true}", "leave holds texts only, got True"),
        ('runs = ["wet-north-1"]', "runs = [false]", "runs holds texts only, got False"),
        ("bins_each = 4", "bins_each = false", "bins_each must be int, got False"),
        ("for_min = 22", "for_min = true", "for_min must be float, got True"),
        ("within_s = 5", "within_s = nan", "within_s must be between"),
        ("bins_each = 4", 'standby = [["t09"]]', "standby holds texts only"),
    ],
)
def test_a_scenario_refuses_it_and_takes_false_for_no_number(old: str, new: str, reason: str) -> None:
    """Also where a list or a table should hold texts: no traceback later."""
    text = (FOLDER / "blocked_lane.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(text.replace(old, new, 1), "mine", "mine.toml")
    assert reason in str(refused.value)


@everywhere
def test_a_register_refuses_it_in_names_and_takes_false_for_no_number(hidden: str) -> None:
    """The registers of the street office are read by many."""
    works = demo_works()
    works["estates"][0]["name"] += hidden
    with pytest.raises(Invalid):
        checked(SAFETY, works)
    works = demo_works()
    works["programmes"][0]["target_count"] = False
    with pytest.raises(Invalid):
        checked(SAFETY, works)


@everywhere
def test_what_is_hidden_is_named(hidden: str) -> None:
    """By its number and its name."""
    assert (hidden_character(f"a{hidden}b") or "").startswith(f"U+{ord(hidden):04X} (")


@pytest.mark.parametrize("text", SEEN)
def test_what_can_be_seen_is_not(text: str) -> None:
    """Names of any language, punctuation and pictures."""
    assert hidden_character(text) is None
