"""What the truck agent costs at rest, against a bare paho loop in the same minute.

    python3 -m bench truck.idle -- [seconds]

Both are connected to the same Mosquitto and hear the bridge's clock every 10 s. The agent besides reads a receiver on
a pty that speaks RMC, GGA, GSA and three GSV every second at the pace of 9600 baud, and stands still.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
from functools import reduce
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

AGENT = """
import sys, threading
from pathlib import Path
from gpiozero.pins.mock import MockFactory
from firmware.truck.config import load
from firmware.truck.program import run
run(load(Path(sys.argv[1])), pin_factory=MockFactory(), stop=threading.Event())
"""
BARE = """
import sys
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bare")
client.connect("127.0.0.1", int(sys.argv[1]), 20)
client.subscribe("zp/v1/xh/bridge/#", 1)
client.loop_forever()
"""
GSV = "GPGSV,3,{n},12,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45"


def _sentence(body: str) -> bytes:
    return f"${body}*{reduce(lambda x, c: x ^ ord(c), body, 0):02X}\r\n".encode()


def _second(second: int) -> bytes:
    clock = time.strftime("%H%M%S.00", time.gmtime(1_795_374_261 + second))
    place = "3112.0000,N,12124.0000,E"
    bodies = [f"GPRMC,{clock},A,{place},0.0,90.0,221126,,,A", f"GPGGA,{clock},{place},1,08,1.0,5,M,8,M,,"]
    bodies += ["GPGSA,A,3,01,02,12,14,,,,,,,,,1.5,1.0,1.1", *(GSV.format(n=n) for n in (1, 2, 3))]
    return b"".join(_sentence(body) for body in bodies)


def _speak(master: int, stop: threading.Event) -> None:
    """A receiver: every second its sentences, in pieces as 9600 baud would deliver them."""
    second = 0
    while not stop.wait(0.5):
        data = _second(second)
        for at in range(0, len(data), 32):
            os.write(master, data[at : at + 32])
            stop.wait(0.033)
        second += 1


def _cost(pid: int) -> tuple[float, int]:
    """(CPU seconds so far, resident KiB)."""
    # Nanoseconds per thread; the ticks of /proc/<pid>/stat are too coarse for a program that does next to nothing.
    spent = [path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    status = Path(f"/proc/{pid}/status").read_text()
    rss = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return sum(map(int, spent)) / 1e9, rss


def main() -> None:
    """Prints CPU and memory of both and their ratios."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if mosquitto is None:
        print("skipped: no mosquitto on this machine (apt-get install mosquitto)")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    master, slave = os.openpty()
    tty.setraw(slave, termios.TCSANOW)
    stop = threading.Event()
    children: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        (folder / "truck.toml").write_text(
            f'[truck]\nid="t01"\narea="xh"\n[mqtt]\nhost="127.0.0.1"\nport={port}\n'
            f'[gps]\nport="{os.ttyname(slave)}"\n[outbox]\npath="{folder}/outbox.db"\n'
        )
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            children.append(subprocess.Popen([mosquitto, "-c", str(folder / "m.conf")], **quiet))
            time.sleep(1.0)
            speaker = threading.Thread(target=_speak, args=(master, stop), daemon=True)
            speaker.start()
            agent = subprocess.Popen([sys.executable, "-c", AGENT, str(folder / "truck.toml")], **quiet)
            bare = subprocess.Popen([sys.executable, "-c", BARE, str(port)], **quiet)
            children += [agent, bare]
            bridge = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bridge-xh")
            bridge.connect("127.0.0.1", port)
            bridge.loop_start()
            time.sleep(5.0)
            before = _cost(agent.pid), _cost(bare.pid)
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s:
                bridge.publish("zp/v1/xh/bridge/clock", b'{"at":%d}' % time.time(), qos=1)
                time.sleep(min(10.0, max(0.0, end_s - time.monotonic())))
            after = _cost(agent.pid), _cost(bare.pid)
            bridge.disconnect()
            bridge.loop_stop()
        finally:
            stop.set()
            for child in children:
                child.kill()
                child.wait(5)
            os.close(slave)
            os.close(master)
    cpu = [(a[0] - b[0]) / seconds * 100 for a, b in zip(after, before, strict=True)]
    print(f"agent: {cpu[0]:.3f} % of a core, {after[0][1]:,} KiB; bare paho loop: {cpu[1]:.3f} %, {after[1][1]:,} KiB")
    print(f"ratio: CPU {cpu[0] / max(cpu[1], 1e-6):.1f} x, memory {after[0][1] / after[1][1]:.2f} x")


if __name__ == "__main__":
    main()
