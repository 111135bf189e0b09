"""Agent and broker killed at random moments, again and again: `python3 -m bench truck.kill -- [rounds]`.

A real agent in a child process (mock pins, a port that is not there), a real Mosquitto without persistence, and a
small bridge that stores, acknowledges and sometimes forgets to. Each round presses the button and does something bad:
kill -9 of the agent during or after the press, kill -9 or SIGSTOP of the broker. At the end every press the agent had
reported as kept must have reached the bridge, each under one id with one content.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

BASE = "zp/v1/xh/truck/t01/"
CHILD = """
import sys, threading
from pathlib import Path
from gpiozero.pins.mock import MockFactory
import firmware.truck.program as program
from firmware.truck.config import load
from firmware.truck.outbox.outbox import Outbox

class Witnessed(Outbox):
    def keep(self, record, now_s):
        super().keep(record, now_s)
        if record.channel == "incident":
            print(record.boot, record.seq, flush=True)

program.Outbox = Witnessed
config = load(Path(sys.argv[1]))
pins = MockFactory()

def listen():
    for line in sys.stdin:
        pin = pins.pin(config.button_pin)
        pin.drive_low() if line.strip() == "down" else pin.drive_high()

threading.Thread(target=listen, daemon=True).start()
program.run(config, pin_factory=pins, stop=threading.Event())
"""


class Rig:
    """The agent, the broker and the bridge, and what each has told."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.folder, self.dice = folder, dice
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "m.conf").write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        (folder / "truck.toml").write_text(
            f'[truck]\nid="t01"\narea="xh"\n[mqtt]\nhost="127.0.0.1"\nport={self.port}\n'
            f'[gps]\nport="{folder}/no-receiver"\n[outbox]\npath="{folder}/outbox.db"\nbatch_s=1\n'
        )
        self.kept: set[tuple[int, int]] = set()
        self.stored: dict[tuple[int, int], list[dict[str, object]]] = {}
        self.broker: subprocess.Popen[bytes] | None = None
        self.agent: subprocess.Popen[str] | None = None
        self.start_broker()
        self.bridge = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bridge-xh")
        self.bridge.on_connect = lambda c, *_: c.subscribe("zp/v1/xh/truck/#", 1)
        self.bridge.on_message = lambda _c, _d, m: self.store(m)
        self.bridge.reconnect_delay_set(1, 1)
        self.bridge.connect("127.0.0.1", self.port, 5)
        self.bridge.loop_start()
        self.start_agent()

    def start_broker(self) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin") or "mosquitto"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.broker = subprocess.Popen([program, "-c", str(self.folder / "m.conf")], **quiet)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("mosquitto does not answer")

    def start_agent(self) -> None:
        command = [sys.executable, "-c", CHILD, str(self.folder / "truck.toml")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.agent = subprocess.Popen(command, text=True, **pipes)
        threading.Thread(target=self.listen, args=(self.agent,), daemon=True).start()

    def listen(self, agent: "subprocess.Popen[str]") -> None:
        for line in agent.stdout or ():
            words = line.split()
            if len(words) == 2 and line.endswith("\n"):
                self.kept.add((int(words[0]), int(words[1])))

    def store(self, message: mqtt.MQTTMessage) -> None:
        channel = message.topic.removeprefix(BASE).split("/")[0]
        if channel not in ("fix", "incident") or not message.payload:
            return
        body = json.loads(message.payload)
        key = (body["boot"], body["seq"])
        if channel == "incident":
            self.stored.setdefault(key, []).append(body)
        if self.dice.random() < 0.7:  # else: the ack is lost, and must not be missed
            acks = [{"boot": key[0], "upto": 0, "also": [[key[1], key[1]]]}]
            self.bridge.publish(BASE + "ack", json.dumps({"acks": acks}), qos=1, retain=True)

    def clock(self) -> None:
        self.bridge.publish("zp/v1/xh/bridge/clock", b'{"at":%d}' % time.time(), qos=1)

    def press(self, down: bool) -> None:
        if self.agent is not None and self.agent.stdin is not None:
            self.agent.stdin.write("down\n" if down else "up\n")
            self.agent.stdin.flush()

    def kill_agent(self) -> None:
        if self.agent is not None:
            self.agent.send_signal(signal.SIGKILL)
            self.agent.wait(5)

    def kill_broker(self) -> None:
        if self.broker is not None:
            self.broker.kill()
            self.broker.wait(5)

    def freeze_broker(self, seconds: float) -> None:
        if self.broker is not None:
            os.kill(self.broker.pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(self.broker.pid, signal.SIGCONT)

    def round(self) -> str:
        """One press and one misfortune; returns its name."""
        dice = self.dice
        self.clock()
        time.sleep(dice.uniform(0.5, 1.5))
        what = dice.choice(("agent during the press", "agent after the press", "broker", "frozen broker", "both"))
        self.press(True)
        time.sleep(dice.uniform(1.4, 1.7) if what == "agent during the press" else 1.8)
        if "agent" in what or what == "both":
            time.sleep(dice.uniform(0.0, 0.1))
            self.kill_agent()
        else:
            self.press(False)
        if what in ("broker", "both"):
            self.kill_broker()
            time.sleep(dice.uniform(0.0, 0.5))
            self.start_broker()
        if what == "frozen broker":
            self.freeze_broker(dice.uniform(0.5, 3.0))
        if "agent" in what or what == "both":
            self.start_agent()
            time.sleep(1.0)
        return what

    def end(self) -> None:
        self.bridge.disconnect()
        self.bridge.loop_stop()
        self.kill_agent()
        self.kill_broker()


def drill(rounds: int, seed: int, patience_s: float = 90.0) -> dict[str, int]:
    """Runs the rounds and waits until every kept press is stored; returns the counts."""
    with tempfile.TemporaryDirectory() as name:
        rig = Rig(Path(name), random.Random(seed))
        try:
            time.sleep(1.0)
            for number in range(rounds):
                print(f"  round {number + 1}: {rig.round()}", flush=True)
            end_s = time.monotonic() + patience_s
            while time.monotonic() < end_s and not rig.kept <= set(rig.stored):
                rig.clock()
                time.sleep(1.0)
        finally:
            rig.end()
        contents = {k: {json.dumps(b | {"pressed_at": 0}, sort_keys=True) for b in v} for k, v in rig.stored.items()}
        return {
            "kept": len(rig.kept),
            "lost": len(rig.kept - set(rig.stored)),
            "stored": len(rig.stored),
            "two_contents": sum(len(bodies) > 1 for bodies in contents.values()),
            "deliveries": sum(map(len, rig.stored.values())),
        }


def main() -> None:
    """Prints the counts; exits 1 if a press was lost or changed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    result = drill(rounds, seed=2026)
    print(result)
    sys.exit(1 if result["lost"] or result["two_contents"] else 0)


if __name__ == "__main__":
    main()
