"""The unit's configuration: `/config/unit.json` and `/config/network.json`, checked where they are read.

unit.json     {"device": "r01", "area": "xh", "wastes": ["residential_wet"],
               "lamps": [{"waste": "residential_wet", "pin": 16, "active_low": false, "sense": null}],
               "buttons": [{"event": "bins_out", "pin": 0}], "sensors": [...see sensors.py...],
               "report_grams": 2000, "watchdog_s": 30, "identify_pin": null}
network.json  {"ssid": null, "key_file": null, "host": "192.0.2.7", "port": 1883, "user": "r01",
               "password_file": "/config/keys/mqtt", "tls": false, "ca_file": null,
               "cert_file": null, "cert_key_file": null}

With `cert_file` and `cert_key_file` (DER) the unit shows a certificate in place of a password.
A lamp whose `waste` is `any` shows the most urgent of all kinds and must be the only one. `ssid` null: the machine
has its network already. Keys and passwords are files of their own, so that no listing of settings shows them.
"""

from firmware import wire
from firmware.binroom.constant import const
from firmware.binroom.durable import exists, is_integer, read_json, read_text

REPORT_GRAMS = 2000  # a weight that moved by less is not worth a message
_NEEDED = const("needed")
_SENSOR_KINDS = const("hx711 beam distance")


class SettingsError(ValueError):
    """A configuration the unit cannot start with; the text names file and key and says what to do."""


def _take(file, body, key, check, what, default):
    """The value of a key, checked; `default` _NEEDED refuses its absence, any other stands for it (and for null)."""
    value = body.get(key, default)
    is_left_out = default is None and value is None
    if value is _NEEDED or not (is_left_out or check(value)):
        got = "nothing there" if value is _NEEDED else repr(value)
        raise SettingsError("%s: %s must be %s, got %s; correct it with tools/flash.py" % (file, key, what, got))
    return body.pop(key, default)


def _nothing_left(file, body, where=""):
    for key in body:
        raise SettingsError("%s: %s%s is not a known key; remove it" % (file, where, key))


def _integer(low, high):
    return lambda value: is_integer(value) and low <= value <= high


def _text(value):
    return isinstance(value, str) and 0 < len(value) <= 128


def _boolean(value):
    return isinstance(value, bool)


def _objects(value):
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)


def _words(value):
    return isinstance(value, list) and value and all(w in wire.WASTES for w in value) and len(set(value)) == len(value)


def _pin(value):
    return _integer(0, 63)(value)


def _load(root, file):
    value = read_json(root + file)
    if not isinstance(value, dict):
        raise SettingsError("%s: is missing or not a JSON object; write it with tools/flash.py" % file)
    return dict(value)


def load_unit(root):
    """The unit's own settings as a checked dict."""
    file = "/config/unit.json"
    body = _load(root, file)
    out = {
        "device": _take(file, body, "device", wire.is_id, "an identifier", _NEEDED),
        "area": _take(file, body, "area", wire.is_id, "an identifier", _NEEDED),
        "wastes": _take(file, body, "wastes", _words, "a list of waste kinds", _NEEDED),
        "report_grams": _take(file, body, "report_grams", _integer(100, 100000), "100 to 100000", REPORT_GRAMS),
        "watchdog_s": _take(file, body, "watchdog_s", _integer(8, 300), "8 to 300 seconds", 30),
        "identify_pin": _take(file, body, "identify_pin", _pin, "a pin number or null", None),
    }
    lamps = _take(file, body, "lamps", _objects, "a list of lamps", [])
    buttons = _take(file, body, "buttons", _objects, "a list of buttons", [])
    sensors = _take(file, body, "sensors", _objects, "a list of sensors", [])
    _nothing_left(file, body)
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


def _lamp(file, body):
    out = {
        "waste": _take(file, body, "waste", lambda v: v == "any" or v in wire.WASTES, "a waste kind or any", _NEEDED),
        "pin": _take(file, body, "pin", _pin, "a pin number", _NEEDED),
        "active_low": _take(file, body, "active_low", _boolean, "true or false", False),
        "sense": _take(file, body, "sense", _pin, "a pin number or null", None),
    }
    _nothing_left(file, body, "an entry of lamps: ")
    return out


def _button(file, body):
    out = {
        "event": _take(file, body, "event", lambda value: value in wire.KEEPER_EVENTS, "a keeper event", _NEEDED),
        "pin": _take(file, body, "pin", _pin, "a pin number", _NEEDED),
    }
    _nothing_left(file, body, "an entry of buttons: ")
    return out


def _sensor(file, body, wastes):
    kinds = "one of these: " + _SENSOR_KINDS
    kind = _take(file, body, "kind", lambda value: value in _SENSOR_KINDS.split(" "), kinds, _NEEDED)
    out = {"kind": kind, "waste": _take(file, body, "waste", lambda value: value in wastes, "one of wastes", _NEEDED)}
    grams = _integer(1, 1000000)
    if kind == "hx711":
        out["data"] = _take(file, body, "data", _pin, "a pin number", _NEEDED)
        out["clock"] = _take(file, body, "clock", _pin, "a pin number", _NEEDED)
        out["bin_empty_grams"] = _take(file, body, "bin_empty_grams", grams, "1 to 1000000 grams", 12500)
        out["bin_full_grams"] = _take(file, body, "bin_full_grams", grams, "1 to 1000000 grams", 120000)
    elif kind == "beam":
        out["in_pin"] = _take(file, body, "in_pin", _pin, "a pin number", _NEEDED)
        out["out_pin"] = _take(file, body, "out_pin", _pin, "a pin number", _NEEDED)
    else:
        mm = _integer(20, 6000)
        out["trigger"] = _take(file, body, "trigger", _pin, "a pin number", _NEEDED)
        out["echo"] = _take(file, body, "echo", _pin, "a pin number", _NEEDED)
        out["empty_mm"] = _take(file, body, "empty_mm", mm, "20 to 6000 mm", _NEEDED)
        out["full_mm"] = _take(file, body, "full_mm", mm, "20 to 6000 mm", _NEEDED)
        out["bins"] = _take(file, body, "bins", _integer(1, 100), "1 to 100 bins", _NEEDED)
        if out["full_mm"] >= out["empty_mm"]:
            raise SettingsError("%s: sensors.full_mm must be less than empty_mm; swap them" % file)
    _nothing_left(file, body, "an entry of sensors: ")
    return out


def load_network(root, device):
    """The way to the broker as a checked dict; the key files' contents are in `key`, `password` and `ca`."""
    file = "/config/network.json"
    body = _load(root, file)
    out = {
        "ssid": _take(file, body, "ssid", _text, "a text or null", None),
        "host": _take(file, body, "host", _text, "a host name or address", _NEEDED),
        "port": _take(file, body, "port", _integer(1, 65535), "1 to 65535", wire.PORT),
        "user": _take(file, body, "user", _text, "a user name", device),
        "use_tls": _take(file, body, "tls", _boolean, "true or false", False),
    }
    for key, name in (("key_file", "key"), ("password_file", "password")):
        path = _take(file, body, key, _text, "a path or null", None)
        out[name] = None if path is None else read_text(root + path)
        if path is not None and out[name] is None:
            raise SettingsError("%s: %s names %s, which cannot be read; write it again" % (file, key, path))
    ca_file = _take(file, body, "ca_file", _text, "a path or null", None)
    out["ca_path"] = None if ca_file is None else root + ca_file
    if out["use_tls"] and ca_file is None:
        raise SettingsError("%s: tls needs ca_file, the certificate authority to trust" % file)
    for key, name in (("cert_file", "cert_path"), ("cert_key_file", "device_key_path")):
        path = _take(file, body, key, _text, "a path or null", None)
        out[name] = None if path is None else root + path
        if path is not None and not exists(root + path):
            raise SettingsError("%s: %s names %s, which cannot be read; write it again" % (file, key, path))
    if (out["cert_path"] is None) != (out["device_key_path"] is None) or (out["cert_path"] and not out["use_tls"]):
        raise SettingsError("%s: cert_file and cert_key_file go together, and with tls" % file)
    _nothing_left(file, body)
    return out
