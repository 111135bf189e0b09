"""city.toml: the example is complete and true, each key changes something, and each mistake is named."""

import re
import tomllib
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.config import CityConfig, ConfigError, read_city_config, read_either_config
from broker.mqtt.own_broker.child import free_port

EXAMPLE = Path(__file__).parents[2] / "broker" / "city.example.toml"
GOOD = '[city]\nurl = "postgresql://a@h/d"\n'


def test_the_example_shows_every_key_with_its_default(tmp_path):
    """What the example sets is what one gets without it; keys it leaves out stand in its comments."""
    shown = read_city_config(EXAMPLE)
    (tmp_path / "city.toml").write_text(f'[city]\nurl = "{shown.city.url}"\n')
    bare = read_city_config(tmp_path / "city.toml")
    text, raw = EXAMPLE.read_text(), tomllib.loads(EXAMPLE.read_text())
    of_cells = {"basemap", "basemap_licence", "receiver"}
    for section, given in raw.items():
        for key in type(getattr(bare, section)).model_fields.keys() - of_cells:
            assert re.search(rf"^(# )?{key} = ", text, re.M), f"[{section}] {key}"
            if key in given and key != "folder":
                assert getattr(getattr(shown, section), key) == getattr(getattr(bare, section), key), key
    assert set(raw) == set(CityConfig.model_fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[city] is missing"),
        ("[city]\n", "[city] url: is missing"),
        (f"{GOOD}colour = 1", "[city] colour: no such key; see broker/city.example.toml"),
        ('[city]\nurl = "postgresql://a:secret@h/d"', "[city] url: holds a password"),
        (f'{GOOD}timezone = "Shanghai"', "[city] timezone: is no time zone"),
        (f"{GOOD}[web]\nenabled = false", "enabled: the city is its page"),
    ],
)
def test_each_mistake_is_named(tmp_path, capsys, text, said):
    """File, section, key and reason, and nothing starts."""
    path = tmp_path / "city.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        read_city_config(path)
    assert "secret" not in str(refused.value)
    assert main(["city", "--config", str(path)]) == 1
    assert said in capsys.readouterr().err


def test_a_password_is_its_owners_alone(tmp_path):
    """As with every secret: a file that others can read is refused, and one that holds more than a line."""
    (tmp_path / "city.toml").write_text(f'{GOOD}password_file = "word"\n')
    (tmp_path / "word").write_text("secret\n")
    (tmp_path / "word").chmod(0o644)
    config = read_city_config(tmp_path / "city.toml")
    with pytest.raises(ConfigError, match="others can read"):
        config.city.password()
    (tmp_path / "word").chmod(0o600)
    assert config.city.password() == "secret"
    (tmp_path / "word").write_text("secret\nmore\n")
    with pytest.raises(ConfigError, match="alone, on one line"):
        config.city.password()


def test_commands_for_people_read_either_configuration(tmp_path, capsys):
    """Accounts of a city are made as those of a cell; of rooms and trucks it knows nothing."""
    path = tmp_path / "city.toml"
    path.write_text(GOOD)
    assert isinstance(read_either_config(path), CityConfig)
    assert main(["people", "link", "--config", str(path)]) == 0
    assert "http://127.0.0.1:8090/welcome#" in capsys.readouterr().out
    add = ["people", "add", "wang", "--name", "Wang", "--role", "supervisor", "--config", str(path)]
    assert main([*add, "--truck", "t01"]) == 2
    assert "[area] is missing" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--check-config"], ["--check-config", "city"]])
def test_a_citys_configuration_is_looked_at_as_a_cells_is(tmp_path, capsys, words):
    """What keeps the page from starting is an error with its key; a database that is away is a note."""
    path = tmp_path / "city.toml"
    nowhere = '[city]\nurl = "postgresql://a@127.0.0.1:1/d"\nname = "静安区 / Jing\'an"\n'
    path.write_text(f'{nowhere}[web]\nport = {free_port()}\n')
    assert main([*words, "--config", str(path)]) == 0
    said = capsys.readouterr()
    assert f"{path}: good; the city 静安区 / Jing'an; its database was not reached" in said.out
    assert "note: [city] url: the database cannot be used now" in said.err and "[web] port" not in said.err
    for more, why in (
        ('[web]\nhost = "0.0.0.0"\n', "[web] host: "),
        ('[web]\ncert_file = "gone.pem"\nkey_file = "gone.key"\n', "gone.pem"),
        ('[people]\nfolder = "city.toml/people"\n', "[people] folder: "),
        ('[outside]\nfolder = "city.toml/x"\n[[outside.receiver]]\nname = "p"\nfolder = "told"\n', "[outside] folder"),
    ):
        path.write_text(nowhere + more)
        assert main([*words, "--config", str(path)]) == 1, more
        assert why in capsys.readouterr().err


def test_no_bridge_runs_by_a_citys_configuration(tmp_path, capsys):
    """It says what to type."""
    path = tmp_path / "city.toml"
    path.write_text(GOOD)
    assert main(["--config", str(path)]) == 1
    assert f"python3 -m broker city --config {path}" in capsys.readouterr().err


def test_a_cell_that_pushes_and_has_no_area_is_told_what_it_lacks(tmp_path):
    """It has a broker, so it is no city's: it is not told to take that out."""
    text = '[mqtt]\nport = 1883\n[city]\nurl = "postgresql://cells@db/city"\npush_s = 5\n'
    (tmp_path / "broker.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"\[area\] is missing"):
        read_either_config(tmp_path / "broker.toml")
