"""Small JSON files in flash that are old or new after a power cut, never torn."""

import json
import os

BOOT_FILE = "/state/boot.json"


def make_folder(path):
    """Create a folder and its parents; existing ones are fine."""
    done = ""
    for part in path.split("/"):
        done = done + part + "/"
        if part:
            try:
                os.mkdir(done[:-1])
            except OSError:
                if not exists(done[:-1]):
                    raise


def exists(path):
    """Whether a file or folder is there."""
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def is_integer(value):
    """Whether a value read from JSON is an integer, which `true` and `false` are to CPython."""
    return isinstance(value, int) and not isinstance(value, bool)


def write_text(path, text):
    """Replace a file's content by way of a temporary file and one rename."""
    temporary = path + ".tmp"
    with open(temporary, "w") as file:
        file.write(text)
        file.flush()
    os.rename(temporary, path)


def write_json(path, value):
    """Replace a file's content by `value` as JSON."""
    write_text(path, json.dumps(value))


def read_text(path):
    """The file's text without surrounding blanks, or None if it is not there or not UTF-8."""
    try:
        with open(path) as file:
            return file.read().strip()
    except (OSError, UnicodeError):
        return None


def read_json(path):
    """The file's value, or None if it is not there; an unreadable file is kept aside as `.bad`."""
    text = read_text(path)
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        os.rename(path, path + ".bad")
        return None


def remove_leftovers(folder):
    """Delete temporary files that a power cut left behind."""
    for name in os.listdir(folder):
        if name.endswith(".tmp"):
            os.remove(folder + "/" + name)


def next_boot(path):
    """Count one boot and return its number, from 1; kept over power cuts."""
    state = read_json(path)
    boot = state.get("boot", 0) if isinstance(state, dict) else 0
    boot = boot + 1 if is_integer(boot) and boot >= 0 else 1
    write_json(path, {"boot": boot})
    return boot
