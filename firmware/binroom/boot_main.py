"""The board's `/main.py`: puts the current release first on the path and starts it; counts crashes; safe mode.

This file is not part of a release and imports nothing of one before it has to, so that no release can break it.

    /current, /former     the hash of the release to run from /release/<hash>/, and of the one before it
    /state/crashes.json   {"count", "why"}: crashes in a row; ten healthy minutes forget them

Three crashes in a row start the safe mode: every lamp shows "no data" (a short flash every 5 s), the reason is printed
and, if the release's link still works, told as the unit's life. The prompt stays reachable, so a new release can be
copied; the flash tool clears the crashes. A power cut is no crash, nor is Ctrl-C, which leads to the prompt at any
time. A file `/state/hold` starts the same mode without link and without watchdog (a board's watchdog cannot be stopped
once started, and copying a release by hand takes longer than it waits).
"""

import gc
import json
import os
import sys
import time

import machine

CRASH_FILE = "/state/crashes.json"
HOLD_FILE = "/state/hold"
MAX_CRASHES = 3


def _read(path, default):
    try:
        with open(path) as file:
            return json.loads(file.read())
    except (OSError, ValueError):
        return default


def crashes(root):
    """(crashes in a row, why the last)."""
    state = _read(root + CRASH_FILE, {})
    if not isinstance(state, dict):
        return 0, ""
    count = state.get("count", 0)
    return count if isinstance(count, int) and not isinstance(count, bool) else 0, str(state.get("why", ""))


def note_crash(root, why):
    """Count one more crash, durably."""
    count = crashes(root)[0] + 1
    path = root + CRASH_FILE
    try:
        os.mkdir(root + "/state")
    except OSError:
        pass
    with open(path + ".tmp", "w") as file:
        file.write(json.dumps({"count": count, "why": why[:120]}))
    os.rename(path + ".tmp", path)
    return count


def use_release(root):
    """Put the current release first on the path, or the former where the current one is not there."""
    for name in ("/current", "/former"):
        try:
            with open(root + name) as file:
                folder = root + "/release/" + file.read().strip()
            os.stat(folder + "/firmware")
        except OSError:
            continue
        if folder not in sys.path:
            sys.path.insert(0, folder)
        return
    raise OSError("neither /current nor /former names a release; install one with tools/flash.py")


def _is_held(root):
    try:
        os.stat(root + HOLD_FILE)
        return True
    except OSError:
        return False


def safe_mode(root, why, with_link=True):
    """Lamps on "no data" for ever; tells why, by MQTT if that still works."""
    print("safe mode:", why)
    lamps = _read(root + "/config/unit.json", {}).get("lamps", [])
    pins = [(machine.Pin(lamp["pin"], machine.Pin.OUT), bool(lamp.get("active_low"))) for lamp in lamps]

    def show(is_on):
        for pin, active_low in pins:
            pin.value(1 if is_on != active_low else 0)

    try:
        if with_link:
            from firmware.binroom import safe

            safe.run(root, why, show)
    except Exception as error:  # the release is what crashes: whatever it does, the lamps go on
        print("safe mode without link:", repr(error))
    while True:
        show(True)
        time.sleep_ms(100)
        show(False)
        time.sleep_ms(4900)


def _free_memory():
    """Drop the release that crashed; it may have taken the whole heap."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("firmware", "asyncio"):  # whose queue still holds the unit's tasks
            del sys.modules[name]
    gc.collect()


def boot(root=""):
    """Run the current release; a crash is counted and ends in a reset, the third in safe mode."""
    if machine.reset_cause() == machine.WDT_RESET:
        note_crash(root, "the watchdog had to reset the board")
    if _is_held(root):
        safe_mode(root, "held for flashing", with_link=False)
    spare = bytearray(1536)  # given back after a crash, so that even a full heap can count it
    try:
        use_release(root)
        count, why = crashes(root)
        if count >= MAX_CRASHES:
            safe_mode(root, why)
        from firmware.binroom import main

        main.start(root)
    except Exception as error:
        sys.print_exception(error)
        why = repr(error)
        error = None
    # Whatever happens from here on ends in a reset: a board that only stopped would lie to its keeper.
    del spare
    try:
        _free_memory()
        if note_crash(root, why) >= MAX_CRASHES:
            safe_mode(root, why)
        time.sleep_ms(2000)
    except Exception as error:
        print("the crash could not be counted:", repr(error))
    machine.reset()


if __name__ == "__main__":
    boot()
