"""The truck's configuration, its lights' patterns, and the watchdog."""

import socket
from pathlib import Path

import pytest

from firmware.truck import events
from firmware.truck.__main__ import main
from firmware.truck.button.light import PATTERNS, level_at
from firmware.truck.config import ConfigError, parse
from firmware.watchdog import Watchdog

EXAMPLE = Path(__file__).parents[2] / "firmware" / "truck" / "truck.example.toml"
GOOD = '[truck]\nid="t01"\narea="xh"\n[mqtt]\nhost="h"\n[gps]\nport="/dev/x"\n'


def test_example_is_good_with_every_key_uncommented():
    """The example file is accepted as it is and with each optional line switched on, and shows every key."""
    text = EXAMPLE.read_text()
    assert parse(text, "e").district is not None
    lines = [
        line[2:] if line.startswith("# ") and " = " in line and "key =" not in line[:7] else line
        for line in text.splitlines()
    ]
    full = parse("\n".join(lines), "e")
    assert (full.mqtt.port, full.gps_light_pin, full.gps_test_mode) == (1883, 22, False)
    assert None not in (full.itinerary_file, full.mqtt.password_file, full.mqtt.key_file)


def test_defaults():
    """Four keys are enough."""
    config = parse(GOOD, "e")
    assert (config.mqtt.port, config.gps_baud, config.outbox_limit_mb, config.district) == (1883, 9600, 64, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[truck", "is not TOML"),
        (GOOD + "[radio]\n", "[radio] is not a section"),
        (GOOD + "colour = 1\n", "[gps] colour: no such key"),
        (GOOD.replace('id="t01"', ""), "[truck] id: is missing"),
        (GOOD.replace('"t01"', '"t 1"'), "[truck] id: must be an id"),
        (GOOD + "baud = 1\n", "[gps] baud: must be an integer from 300"),
        (GOOD + "baud = true\n", "[gps] baud: must be an integer"),
        (GOOD + "test_mode = 1\n", "[gps] test_mode: must be true or false"),
        (GOOD + "[button]\npin = 27\n", "[button] light_pin: 27 is the pin of [button] pin too; give it another"),
        (GOOD + "[button]\ngps_light_pin = 17\n", "[button] gps_light_pin: 17 is the pin of [button] pin too"),
        (GOOD + "[button]\npin = 99\n", "[button] pin: must be an integer from 0 to 27"),
        (GOOD + "[button]\npin = -1\n", "[button] pin: must be an integer from 0 to 27"),
        (GOOD + "[button]\nlight_pin = 28\n", "[button] light_pin: must be an integer from 0 to 27"),
        (GOOD + "[button]\npin = false\n", "[button] pin: must be an integer from 0 to 27"),
        (GOOD + '[button]\npin = "GPIO17"\n', "[button] pin: must be an integer from 0 to 27"),
        (GOOD.replace("/dev/x", "/dev/serial0") + "[button]\npin = 15\n", "[button] pin: 15 is the pin of the receive"),
        (GOOD.replace("/dev/x", "/dev/ttyAMA0") + "[button]\nlight_pin = 14\n", "[button] light_pin: 14 is the pin of"),
        (GOOD.replace("/dev/x", "/dev/ttyS*") + "[button]\ngps_light_pin = 14\n", "port /dev/ttyS* too"),
        (GOOD.replace("/dev/x", "/dev/ttyAMA3") + "[button]\npin = 5\n", "[button] pin: 5 is the pin of the receiver"),
        (GOOD.replace("/dev/x", "/dev/i2c-1") + "[button]\npin = 3\n", "[button] pin: 3 is the pin of the receiver"),
        (GOOD + "[outbox]\nbatch_s = nan\n", "[outbox] batch_s"),
        (GOOD + "[district]\nsouth = 1\n", "[district] west: is missing"),
        (GOOD + "[district]\nsouth=2\nnorth=1\nwest=1\neast=2\n", "[district] south"),
        (GOOD.replace('host="h"', 'host="h"\ncert_file="c"'), "[mqtt] cert_file"),
        ("gps = 3\n", "[gps] is not a section"),
    ],
)
def test_bad_configuration_names_file_section_key(text, words):
    """Each mistake is refused in a sentence that names the file, the section, the key."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "truck.toml")
    assert "truck.toml" in str(caught.value)
    assert words in str(caught.value)


def test_check_config_command(tmp_path, capsys):
    """--check-config ends with 0 for a good file, 2 and a sentence for a bad, absent or unreadable one."""
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text(GOOD + "[radio]\n")
    assert main(["--config", str(good), "--check-config"]) == 0
    assert main(["--config", str(bad), "--check-config"]) == 2
    assert main(["--config", str(tmp_path / "none.toml"), "--check-config"]) == 2
    assert "truck.example.toml" in capsys.readouterr().err


def test_password_comes_from_file_or_environment(tmp_path, monkeypatch):
    """The password is read from its file, else from the environment, and an unreadable file is named."""
    secret = tmp_path / "p"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    text = GOOD.replace('host="h"', f'host="h"\npassword_file="{secret}"')
    assert parse(text, "e").mqtt.password() == "s3cret"
    secret.unlink()
    with pytest.raises(ConfigError, match="password_file"):
        parse(text, "e").mqtt.password()
    monkeypatch.setenv("ZHANPAI_MQTT_PASSWORD", "other")
    assert parse(GOOD, "e").mqtt.password() == "other"


def test_receiver_at_usb_leaves_every_pin_free():
    """Pins 14 and 15 are the serial port's only where the receiver is wired to it."""
    config = parse(GOOD.replace("/dev/x", "/dev/serial/by-id/*") + "[button]\npin = 14\nlight_pin = 15\n", "e")
    assert (config.button_pin, config.light_pin) == (14, 15)


def test_port_behind_a_link_is_found(tmp_path):
    """A name of one's own for the Pi's serial port takes the same pins."""
    (tmp_path / "gps").symlink_to("/dev/ttyAMA0")
    with pytest.raises(ConfigError, match="15 is the pin of the receiver"):
        parse(GOOD.replace("/dev/x", str(tmp_path / "gps")) + "[button]\npin = 15\n", "e")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601, 0o644, 0o777])
@pytest.mark.parametrize("key", ["password_file", "key_file"])
def test_secret_that_others_can_read_is_refused(tmp_path, capsys, key, mode):
    """One sentence names the key, the file and the command that puts it right; nothing of the secret is shown."""
    secret, config = tmp_path / "secret", tmp_path / "truck.toml"
    secret.write_text("s3cret\n")
    more = 'ca_file="c"\ncert_file="c"\n' if key == "key_file" else ""
    config.write_text(GOOD.replace('host="h"\n', f'host="h"\n{key}="{secret}"\n{more}'))
    secret.chmod(mode)
    assert main(["--config", str(config), "--check-config"]) == 2
    said = capsys.readouterr().err
    assert f"[mqtt] {key}: others can read {secret}; chmod 600 {secret}" in said
    assert "s3cret" not in said
    assert said.count("\n") == 1
    for good in (0o600, 0o400, 0o700):
        secret.chmod(good)
        assert main(["--config", str(config), "--check-config"]) == 0


def test_every_pattern_has_a_light():
    """Each pattern of the agent and each receiver word can be shown, and no two of the button's look the same."""
    assert set(PATTERNS) == set(events.LIGHT_PATTERNS) | set(events.GPS_WORDS)
    shown = [PATTERNS[name] for name in events.LIGHT_PATTERNS]
    assert len(set(shown)) == len(shown)


def test_pattern_over_time():
    """Double is two short flashes and a pause; off and steady do not blink."""
    pattern = [level_at("double", tenth / 10 + 0.05)[0] for tenth in range(18)]
    assert pattern == [True] * 2 + [False] * 2 + [True] * 2 + [False] * 12
    assert not any(level_at("off", t)[0] for t in range(300))
    assert all(level_at("steady", t)[0] for t in range(300))
    assert level_at("fast", 0.1)[1] == pytest.approx(0.025)


def test_watchdog_speaks_to_systemd(tmp_path):
    """READY=1 once and WATCHDOG=1 at a third of the limit; without a socket nothing."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(1)
        dog = Watchdog({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "30000000"})
        dog.ready()
        for now_s in range(25):
            dog.alive(float(now_s))
        assert [systemd.recv(99) for _ in range(4)] == [b"READY=1"] + [b"WATCHDOG=1"] * 3
        systemd.settimeout(0.05)
        with pytest.raises(TimeoutError):
            systemd.recv(99)
    quiet = Watchdog({})
    quiet.ready()
    assert quiet.interval_s is None
