"""The unit's configuration: `/config/unit.json` and `/config/network.json`, checked where they are read.

unit.json     {"device": "r01", "area": "xh", "wastes": ["residential_wet"],
               "lamps": [{"waste": "residential_wet", "pin": 16, "active_low": false, "sense": null}],
               "buttons": [{"event": "bins_out", "pin": 0}], "sensors": [...see sensors.py...],
               "report_grams": 2000, "watchdog_s": 30, "identify_pin": null}
network.json  {"ssid": null, "key_file": null, "host": "192.0.2.7", "port": 1883, "user": "r01",
               "password_file": "/config/keys/mqtt", "tls": false, "ca_file": null}

A lamp whose `waste` is `any` shows the most urgent of all kinds and must be the only one. `ssid` null: the machine
has its network already. Keys and passwords are files of their own, so that no listing of settings shows them.
"""

from firmware import wire
from firmware.binroom.durable import read_json, read_text

UNIT_FILE = "/config/unit.json"
NETWORK_FILE = "/config/network.json"
NEEDED = object()
SENSOR_KINDS = ("hx711", "beam", "distance")


class SettingsError(ValueError):
    """A configuration the unit cannot start with; the text names file and key and says what to do."""


def _take(file, table, key, check, what, default):
    """The value of a key, checked; `default` NEEDED refuses its absence, any other stands for it (and for null)."""
    value = table.get(key, default)
    is_left_out = default is None and value is None
    if value is NEEDED or not (is_left_out or check(value)):
        got = "nothing there" if value is NEEDED else repr(value)
        raise SettingsError("%s: %s must be %s, got %s; correct it with tools/flash.py" % (file, key, what, got))
    return table.pop(key, default)


def _nothing_left(file, table, where=""):
    for key in table:
        raise SettingsError("%s: %s%s is not a known key; remove it" % (file, where, key))


def _is_integer(low, high):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_text(value):
    return isinstance(value, str) and 0 < len(value) <= 128


def _is_flag(value):
    return isinstance(value, bool)


def _is_list(value):
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def _is_wastes(value):
    return isinstance(value, list) and value and all(w in wire.WASTES for w in value) and len(set(value)) == len(value)


def _is_lamp_name(value):
    return value == "any" or value in wire.WASTES


_is_pin = _is_integer(0, 63)


def _load(root, file):
    value = read_json(root + file)
    if not isinstance(value, dict):
        raise SettingsError("%s: is missing or not a JSON object; write it with tools/flash.py" % file)
    return dict(value)


def load_unit(root):
    """The unit's own settings as a checked dict."""
    file = UNIT_FILE
    table = _load(root, file)
    out = {
        "device": _take(file, table, "device", wire.is_id, "an identifier", NEEDED),
        "area": _take(file, table, "area", wire.is_id, "an identifier", NEEDED),
        "wastes": _take(file, table, "wastes", _is_wastes, "a list of waste kinds", NEEDED),
        "report_grams": _take(file, table, "report_grams", _is_integer(100, 100000), "100 to 100000", 2000),
        "watchdog_s": _take(file, table, "watchdog_s", _is_integer(8, 300), "8 to 300 seconds", 30),
        "identify_pin": _take(file, table, "identify_pin", _is_pin, "a pin number or null", None),
    }
    lamps = _take(file, table, "lamps", _is_list, "a list of lamps", [])
    buttons = _take(file, table, "buttons", _is_list, "a list of buttons", [])
    sensors = _take(file, table, "sensors", _is_list, "a list of sensors", [])
    _nothing_left(file, table)
    out["lamps"] = [_lamp(file, dict(lamp)) for lamp in lamps]
    names = [lamp["waste"] for lamp in out["lamps"]]
    if names != ["any"] and sorted(names) != sorted(out["wastes"]):
        raise SettingsError("%s: lamps must be one per waste kind, or a single one with waste any" % file)
    if names == ["any"]:
        out["lamp_mode"] = "one"
    else:
        out["lamp_mode"] = "each"
        out["lamps"].sort(key=lambda lamp: out["wastes"].index(lamp["waste"]))
    out["buttons"] = [_button(file, dict(button)) for button in buttons]
    out["sensors"] = [_sensor(file, dict(sensor), out["wastes"]) for sensor in sensors]
    return out


def _lamp(file, table):
    out = {
        "waste": _take(file, table, "waste", _is_lamp_name, "a waste kind or any", NEEDED),
        "pin": _take(file, table, "pin", _is_pin, "a pin number", NEEDED),
        "active_low": _take(file, table, "active_low", _is_flag, "true or false", False),
        "sense": _take(file, table, "sense", _is_pin, "a pin number or null", None),
    }
    _nothing_left(file, table, "an entry of lamps: ")
    return out


def _button(file, table):
    out = {
        "event": _take(file, table, "event", lambda value: value in wire.KEEPER_EVENTS, "a keeper event", NEEDED),
        "pin": _take(file, table, "pin", _is_pin, "a pin number", NEEDED),
    }
    _nothing_left(file, table, "an entry of buttons: ")
    return out


def _sensor(file, table, wastes):
    kinds = "one of these: " + " ".join(SENSOR_KINDS)
    kind = _take(file, table, "kind", lambda value: value in SENSOR_KINDS, kinds, NEEDED)
    out = {"kind": kind, "waste": _take(file, table, "waste", lambda value: value in wastes, "one of wastes", NEEDED)}
    grams = _is_integer(1, 1000000)
    if kind == "hx711":
        out["data"] = _take(file, table, "data", _is_pin, "a pin number", NEEDED)
        out["clock"] = _take(file, table, "clock", _is_pin, "a pin number", NEEDED)
        out["bin_empty_grams"] = _take(file, table, "bin_empty_grams", grams, "1 to 1000000 grams", 12500)
        out["bin_full_grams"] = _take(file, table, "bin_full_grams", grams, "1 to 1000000 grams", 120000)
    elif kind == "beam":
        out["in_pin"] = _take(file, table, "in_pin", _is_pin, "a pin number", NEEDED)
        out["out_pin"] = _take(file, table, "out_pin", _is_pin, "a pin number", NEEDED)
    else:
        mm = _is_integer(20, 6000)
        out["trigger"] = _take(file, table, "trigger", _is_pin, "a pin number", NEEDED)
        out["echo"] = _take(file, table, "echo", _is_pin, "a pin number", NEEDED)
        out["empty_mm"] = _take(file, table, "empty_mm", mm, "20 to 6000 mm", NEEDED)
        out["full_mm"] = _take(file, table, "full_mm", mm, "20 to 6000 mm", NEEDED)
        out["bins"] = _take(file, table, "bins", _is_integer(1, 100), "1 to 100 bins", NEEDED)
        if out["full_mm"] >= out["empty_mm"]:
            raise SettingsError("%s: sensors.full_mm must be less than empty_mm; swap them" % file)
    _nothing_left(file, table, "an entry of sensors: ")
    return out


def load_network(root, device):
    """The way to the broker as a checked dict; the key files' contents are in `key`, `password` and `ca`."""
    file = NETWORK_FILE
    table = _load(root, file)
    out = {
        "ssid": _take(file, table, "ssid", _is_text, "a text or null", None),
        "host": _take(file, table, "host", _is_text, "a host name or address", NEEDED),
        "port": _take(file, table, "port", _is_integer(1, 65535), "1 to 65535", 1883),
        "user": _take(file, table, "user", _is_text, "a user name", device),
        "use_tls": _take(file, table, "tls", _is_flag, "true or false", False),
    }
    for key, name in (("key_file", "key"), ("password_file", "password")):
        path = _take(file, table, key, _is_text, "a path or null", None)
        out[name] = None if path is None else read_text(root + path)
        if path is not None and out[name] is None:
            raise SettingsError("%s: %s names %s, which cannot be read; write it again" % (file, key, path))
    ca_file = _take(file, table, "ca_file", _is_text, "a path or null", None)
    out["ca_path"] = None if ca_file is None else root + ca_file
    if out["use_tls"] and ca_file is None:
        raise SettingsError("%s: tls needs ca_file, the certificate authority to trust" % file)
    _nothing_left(file, table)
    return out
