"""broker.toml: the example is complete and true, and each mistake names file, section, key and what to do."""

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from broker.__main__ import main
from broker.config import PASSWORD_VARIABLE, AddresseeConfig, BrokerConfig, ConfigError, ReceiverConfig, read_config
from broker.process import dispatch_settings
from tests.support.processes import REPO
from tests.support.settings.broker import HERE, PORT, door

TOLD = '[[outside.receiver]]\nname = "a"\n'
PLAN = '[area]\nplan = "demo"\n'
CLEAR = "open_without_tls = true"
HEARS = f'[area]\nplan = "demo"\n{TOLD}'
EXAMPLE = REPO / "broker" / "broker.example.toml"

LISTS: dict[tuple[str, str], type[BaseModel]] = {
    ("outside", "receiver"): ReceiverConfig, ("answers", "addressee"): AddresseeConfig,
}  # fmt: skip


def test_the_example_shows_every_key_with_its_default(tmp_path: Path) -> None:
    """What the example sets is what one gets without it; keys it leaves out stand in its comments."""
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = tomllib.loads(text)
    plain = BrokerConfig.model_validate({"area": {"plan": "demo"}}).model_dump(mode="json")
    for section, keys in plain.items():
        for key, default in keys.items():
            listed = LISTS.get((section, key))
            if listed is not None:  # of which the example shows one
                assert f"# [[{section}.{key}]]" in text
                assert [name for name in listed.model_fields if f"# {name} = " not in text] == []
            elif key in shown.get(section, {}):
                assert shown[section][key] == default or section == "area"
            else:
                assert f"# {key} = " in text
    assert set(shown) == set(plain)
    (tmp_path / "broker.toml").write_text(text, encoding="utf-8")
    assert dispatch_settings(read_config(tmp_path / "broker.toml")).calls.call_at_s == 960


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[area] is missing"),
        ('[area]\nplan = "demo"\ncolour = 1', "[area] colour: no such key"),
        ('[area]\nplan = "demo"\n[moon]\nx = 1', "[moon] no such key"),
        ('[area]\nplan = "demo"\n[calls]\ncall_at_s = 5', "[calls] call_at_s: "),
        ('[area]\nplan = "demo"\n[mqtt]\nport = "x"', "[mqtt] port: "),
        ('[area]\nplan = "demo"\n[mqtt]\npassword = "secret"', "[mqtt] password: no such key"),
        ('[area]\nplan = "demo"\n[web]\nhosts = ["http://screen.example:8080"]', "[web] hosts.0: "),
        ('[area]\nplan = "demo"\n[mqtt]\ncert_file = "c"\nkey_file = "k"', "[mqtt] cert_file: needs ca_file"),
        ('[area]\nplan = "demo"\n[mqtt]\nca_file = "a"\ncert_file = "c"', "[mqtt] cert_file: needs key_file"),
        ('[area]\nplan = "demo"\n[mqtt]\nca_file = "a"\nkey_file = "k"', "[mqtt] key_file: needs cert_file"),
        ('[area]\nplan = "demo"\n[city]\nurl = "mysql://a@h/d"', "[city] url: must be postgresql://"),
        ('[area]\nplan = "demo"\n[city]\nurl = "postgresql://a:xyz@h/d"', "[city] url: holds a password"),
        ('[area]\nplan = "demo"\n[city]\nurl = "postgresql://a@h/d?password=xyz"', "[city] url: holds a password"),
        ('[area]\nplan = "demo"\n[city]\npush_s = 31', "[city] push_s: "),
        ('[area]\nplan = "demo"\n[store]\nurl = "postgresql://a@h/d"\n[city]\nurl = "postgresql://a@h/other"',
         "[city] url: must be the database of [store] url"),
        (f'{HEARS}url = "https://x.example/"\n', "[outside] receiver.0: secret_file: goes with url"),
        (f'{HEARS}secret_file = "s"\nfolder = "f"', "[outside] receiver.0: secret_file: goes with url"),
        (HEARS, "[outside] receiver.0: url: set either url or folder"),
        (f'{HEARS}url = "https://x.example/"\nfolder = "f"', "[outside] receiver.0: url: set either url or folder"),
        (f'{HEARS}url = "http://x.example/"\nsecret_file = "s"', "[outside] receiver.0: url: http is only for"),
        (f'{HEARS}url = "https://a:b@x.example/"\nsecret_file = "s"', "[outside] receiver.0.url: "),
        (f'{HEARS}url = "https://x.example:70000/"\nsecret_file = "s"', "[outside] receiver.0: url: "),
        (f'{HEARS}url = "https://:443/"\nsecret_file = "s"', "[outside] receiver.0: url: names no host"),
        (f'{HEARS}url = "https://[::1/"\nsecret_file = "s"', "[outside] receiver.0: url: "),
        (f'{HEARS}url = "https://x.example/路"\nsecret_file = "s"', "[outside] receiver.0.url: "),
        (f'{HEARS}url = "ftp://x.example/"\nsecret_file = "s"', "[outside] receiver.0.url: "),
        (f'{HEARS}folder = "f"\nevents = ["weather"]', "[outside] receiver.0.events.0: "),
        (f'{HEARS}folder = "f"\nevents = []', "[outside] receiver.0.events: "),
        (f'{HEARS}folder = "f"\ninside = ["home"]', "[outside] receiver.0.inside.0: "),
        (f'{HEARS}folder = "f"\n[[outside.receiver]]\nname = "a"\nfolder = "g"', "[outside] receiver: a is the name"),
        *(
            (f'[area]\nplan = "demo"\n[people]\none_click = true\n[web]\n{key} = {value}', f"{key}: [people] one_click")
            for key, value in (
                ("host", f'"0.0.0.0"\n{CLEAR}'), ("hosts", '["a.example"]'), ("trusted_proxies", '["127.0.0.1"]')
            )
        ),
        (f'{PLAN}[web]\nhost = "192.0.2.7"', "[web] host: 192.0.2.7 is open to the network without TLS"),
        (f'{PLAN}[embedded]\nca_file = "a"', "[embedded] ca_file: needs cert_file and key_file"),
        (f"{PLAN}[embedded]\npassword_port = 8884", "[embedded] password_port: without ca_file"),
        ("[area", "is not TOML"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    """File, section, key and reason stand in the error."""
    path = tmp_path / "broker.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_config(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("section", [name for name in BrokerConfig.model_fields if name != "area"])
def test_a_value_of_another_kind_is_not_taken_for_what_it_resembles(tmp_path: Path, section: str) -> None:
    """`port = true` is no port 1, `per_bin_s = "20"` no number, and `enabled = 1` says neither true nor false."""
    path = tmp_path / "broker.toml"
    for key, default in getattr(BrokerConfig.model_validate({"area": {"plan": "demo"}}), section).model_dump().items():
        wrong = {bool: ["1", '"true"', "1.0"], int: ["true", "1000.0", '"1000"'], float: ["true", '"20"']}
        for value in wrong.get(type(default), ["true", "1"]):
            path.write_text(f'[area]\nplan = "demo"\n[{section}]\n{key} = {value}\n', encoding="utf-8")
            with pytest.raises(ConfigError, match=rf"\[{section}\] {key}: "):
                read_config(path)


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    """Relative paths are the configuration's own folder's."""
    (tmp_path / "broker.toml").write_text('[area]\nplan = "feed"\n[mqtt]\npassword_file = "secret"\n')
    config = read_config(tmp_path / "broker.toml")
    assert config.area.plan == str(tmp_path / "feed")
    assert config.mqtt.password_file == tmp_path / "secret"
    assert config.store.url == str(tmp_path / "data/records")


def test_the_password_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never from the configuration itself; a file that cannot be read, or that others can read, is named."""
    (tmp_path / "broker.toml").write_text('[area]\nplan = "demo"\n[mqtt]\npassword_file = "secret"\n')
    config = read_config(tmp_path / "broker.toml")
    with pytest.raises(ConfigError, match=r"\[mqtt\] password_file"):
        config.mqtt.password()
    (tmp_path / "secret").write_text("key\n")
    with pytest.raises(ConfigError, match=r"\[mqtt\] password_file: others can read .*secret; chmod 600"):
        config.mqtt.password()
    (tmp_path / "secret").chmod(0o600)
    assert config.mqtt.password() == "key"
    monkeypatch.setenv(PASSWORD_VARIABLE, "other")
    (tmp_path / "plain.toml").write_text('[area]\nplan = "demo"\n')
    assert read_config(tmp_path / "plain.toml").mqtt.password() == "other"


def test_check_config_reads_the_plan_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A good configuration says what it holds; one without its plan says so, with exit code 1."""
    (tmp_path / "good.toml").write_text(f'[area]\nplan = "demo"\n[mqtt]\nhost = "{HERE}"\nport = {PORT}\n')
    with door():
        assert main(["--config", str(tmp_path / "good.toml"), "--check-config"]) == 0
    assert "rooms" in capsys.readouterr().out
    (tmp_path / "bad.toml").write_text('[area]\nplan = "nowhere"\n')
    assert main(["--config", str(tmp_path / "bad.toml"), "--check-config"]) == 1
    assert "[area] plan" in capsys.readouterr().err


def test_check_config_reads_every_file_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is missing or holds something else is named with file, section and key."""
    (tmp_path / "latin").write_bytes("pass\u00e9".encode("latin-1"))
    (tmp_path / "text").write_text("no certificate")
    for name, secret in (("short", "whsec_c2hvcnQ="), ("empty", ""), ("good", "whsec_" + "b" * 32)):
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    for text, said in (
        ('[mqtt]\npassword_file = "gone"', f"[mqtt] password_file: {tmp_path}/gone cannot be read"),
        ('[mqtt]\npassword_file = "latin"', "[mqtt] password_file: "),
        ('[mqtt]\nca_file = "gone"', f"[mqtt] ca_file: {tmp_path}/gone cannot be read"),
        ('[mqtt]\nca_file = "text"', "[mqtt] ca_file: "),
        ('[mqtt]\nca_file = "text"\ncert_file = "text"\nkey_file = "gone"', "[mqtt] key_file: "),
        ('[city]\npassword_file = "gone"', f"[city] password_file: {tmp_path}/gone cannot be read"),
        ('[city]\npassword_file = "empty"', "[city] password_file: must hold the password alone"),
        ('[city]\npassword_file = "text"', "[city] password_file: others can read"),
        ('[embedded]\naccounts = "gone"', f"[embedded] accounts: {tmp_path}/gone cannot be read"),
        ('[embedded]\naccounts = "latin"', "[embedded] accounts: "),
        ('[people]\nfolder = "latin"', "[people] folder: "),
        (f'{TOLD}folder = "latin"', f"[outside] receiver a folder: {tmp_path}/latin is no folder"),
        (f'[outside]\nfolder = "latin"\n{TOLD}folder = "f"', f"[outside] folder: {tmp_path}/latin is no folder"),
        (f'{TOLD}url = "https://127.0.0.1/"\nsecret_file = "gone"', "[outside] receiver a secret_file: "),
        (f'{TOLD}url = "https://127.0.0.1/"\nsecret_file = "text"', "[outside] receiver a secret_file: others can"),
        (f'{TOLD}url = "https://127.0.0.1/"\nsecret_file = "short"', "[outside] receiver a secret_file: "),
        (f'{TOLD}url = "https://127.0.0.1/"\nsecret_file = "empty"', "[outside] receiver a secret_file: is empty"),
        (f'{TOLD}url = "https://127.0.0.1/"\nsecret_file = "good"', "[outside] receiver a url: it is an address of"),
    ):
        path = tmp_path / "broker.toml"
        path.write_text(f'[area]\nplan = "demo"\n{text}\n')
        assert main(["--config", str(path), "--check-config"]) == 1, text
        told = capsys.readouterr().err
        assert f"python3 -m broker: {path}: {said}" in told and "Traceback" not in told


def test_a_bridge_does_not_start_without_what_it_encrypts_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate authority that is not there is found at the start, not at each try to connect."""
    path = tmp_path / "broker.toml"
    path.write_text('[area]\nplan = "demo"\n[mqtt]\nca_file = "gone"\n[web]\nenabled = false\n')
    assert main(["--config", str(path)]) == 1
    assert f"python3 -m broker: {path}: [mqtt] ca_file: {tmp_path}/gone cannot be read" in capsys.readouterr().err
