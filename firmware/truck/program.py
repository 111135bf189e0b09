"""The truck agent as a program: one loop around `TruckDevice`; threads for the receiver, the link and the pins.

Every other thread only puts into one queue: (event or message, monotonic time). The loop takes one, hands it to the
device, does what comes back, shows the lights, tells the watchdog, and waits until the next of them is due. All
clocks are passed in: the simulator runs this very loop on an accelerated one, with a pty and mock pins.
"""

import fcntl
import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import serial

from firmware import __version__, wire
from firmware.truck.agent import Agent
from firmware.truck.button.parts import Parts
from firmware.truck.certificate import OwnCertificate
from firmware.truck.config import TruckConfig
from firmware.truck.device import Output, TruckDevice
from firmware.truck.events import (
    Body,
    ButtonDown,
    ButtonUp,
    Done,
    Event,
    GpsLight,
    Light,
    LinkDown,
    LinkUp,
    Note,
    Publish,
    ShowItinerary,
    Stopping,
    TakeCertificate,
    Wake,
)
from firmware.truck.gps.port import GATHER_S, READ_TIMEOUT_S, GpsPort, OpenPort, Port
from firmware.truck.link import Broker, Link
from firmware.truck.outbox.outbox import Outbox
from firmware.watchdog import Watchdog

log = logging.getLogger(__name__)

FIRST_BOOTS, FIRST_BOOT_STEP = 1_000_000, 1_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LIGHT_SAID = "light: %s"  # the simulator reads this line, and the next
RECEIVER_SAID = "receiver: %s %s"
LONGEST_WAIT_S = 10.0  # real seconds: the loop never sleeps longer
JOIN_S = 2.0

Inbox = queue.SimpleQueue[tuple[Event | tuple[str, bytes], float]]


def open_serial(path: str, baud: int) -> Port:
    """A pyserial port that no other program of this kind reads too; raises OSError."""
    port: Port = serial.Serial(path, baud, timeout=READ_TIMEOUT_S, exclusive=True)
    return port


def run(
    config: TruckConfig,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    serial_factory: OpenPort = open_serial,
    pin_factory: Any = None,
    stop: threading.Event,
    speed: Callable[[], float] = lambda: 1.0,
) -> None:
    """Runs the truck until `stop` is set. Raises OSError for a second agent on the same outbox.

    `monotonic` drives every decision and may run `speed()` times as fast as real time; lights blink and sockets time
    out in real time. The system's wall clock is never read: a Pi has none to trust.
    """
    lock = _only_agent(config.outbox_path)
    outbox = Outbox(
        config.outbox_path,
        limit_bytes=config.outbox_limit_mb * 1024 * 1024,
        batch_s=config.outbox_batch_s,
        # A new card in an old truck must not count from 1 again: what the bridge once acknowledged would be ours.
        first_boot=1 + secrets.randbelow(FIRST_BOOTS) * FIRST_BOOT_STEP,
        system=_system_start() if monotonic is time.monotonic else None,
    )
    box, test_mode = config.district, config.gps_test_mode
    agent = Agent(config.truck_id, config.area, outbox.boot, fw=__version__, box=box, test_mode=test_mode)
    try:
        _Program(config, TruckDevice(agent, outbox), monotonic, serial_factory, pin_factory, stop, speed).run()
    finally:
        outbox.close()
        if lock is not None:
            lock.close()


class _Program:
    """The loop and what it holds together."""

    def __init__(
        self,
        config: TruckConfig,
        device: TruckDevice,
        monotonic: Callable[[], float],
        serial_factory: OpenPort,
        pin_factory: Any,
        stop: threading.Event,
        speed: Callable[[], float],
    ) -> None:
        self._config = config
        self._device = device
        self._monotonic = monotonic
        self._stop = stop
        self._speed = speed
        self._inbox: Inbox = queue.SimpleQueue()
        self._watchdog = Watchdog()
        self._parts = Parts(config.button_pin, config.light_pin, config.gps_light_pin, self._edge, pin_factory)
        self._gps = GpsPort(config.gps_port, config.gps_baud, serial_factory, monotonic, stop.wait, GATHER_S / speed())
        self._gps_thread = threading.Thread(target=self._read_gps, name="gps", daemon=True)
        mqtt = config.mqtt
        self._certificate = OwnCertificate(
            config.truck_id, mqtt.ca_file, mqtt.cert_file, mqtt.key_file, config.outbox_path.parent
        )
        self._link = Link(
            Broker(
                mqtt.host,
                mqtt.port,
                config.truck_id,
                mqtt.password,
                mqtt.ca_file,
                self._certificate.file,
                mqtt.key_file,
            ),
            wire.subscriptions("truck", config.area, config.truck_id),
            self._life("lost"),
            on_up=lambda: self._put(LinkUp()),
            on_down=lambda: self._put(LinkDown()),
            on_message=lambda topic, payload: self._put((topic, payload)),
            back_off_scale=1.0 / speed(),
        )

    def run(self) -> None:
        self._do(self._device.start(self._monotonic(), self._parts.button_down))
        self._look_at_parts()
        self._gps_thread.start()
        self._link.start()
        self._watchdog.ready()
        log.info(
            "truck %s of area %s started, boot %d", self._config.truck_id, self._config.area, self._device.outbox.boot
        )
        try:
            while not self._stop.is_set():
                self._step()
        finally:
            goodbye = self._device.handle(Stopping(), self._monotonic())
            self._link.stop([output for output in goodbye if isinstance(output, Publish)])
            self._stop.set()
            self._gps_thread.join(JOIN_S)
            self._parts.close()

    def _step(self) -> None:
        what: Event | tuple[str, bytes]
        try:
            what, at_s = self._inbox.get(timeout=self._wait_s())
        except queue.Empty:
            what, at_s = Wake(), self._monotonic()
        if isinstance(what, tuple):
            self._do(self._device.message(what[0], what[1], at_s))
        else:
            self._do(self._device.handle(what, at_s))
        self._look_at_parts()
        if self._gps_thread.is_alive() and self._link.alive:
            self._watchdog.alive(time.monotonic())

    def _wait_s(self) -> float:
        """Real seconds until something is due; lights are shown on the way."""
        real_s = time.monotonic()
        waits = [LONGEST_WAIT_S, self._parts.run(real_s) - real_s]
        if self._watchdog.interval_s is not None:
            waits.append(self._watchdog.interval_s)
        wake_at_s = self._device.wake_at_s
        if wake_at_s is not None:
            waits.append((wake_at_s - self._monotonic()) / self._speed())
        return max(0.0, min(waits))

    def _look_at_parts(self) -> None:
        for state in self._parts.changed():
            self._do(self._device.handle(state, self._monotonic()))

    def _do(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Publish):
                self._link.publish(output)
            elif isinstance(output, Light):
                log.info(LIGHT_SAID, output.pattern)
                self._parts.show("light", output.pattern, time.monotonic())
            elif isinstance(output, GpsLight):
                log.info(RECEIVER_SAID, output.word, self._gps.trouble or "")
                self._parts.show("gps_light", output.word, time.monotonic())
            elif isinstance(output, ShowItinerary):
                self._show(output.itinerary)
            elif isinstance(output, TakeCertificate):
                done, said = self._certificate.take(output.certificate)
                log.info("%s", said)
                self._put(Done(output.command_id, done, said))
            elif isinstance(output, Note):
                log.warning("%s: %s", output.kind, output.text)

    def _show(self, itinerary: Body | None) -> None:
        """Replaces the cab's itinerary file as a whole."""
        path = self._config.itinerary_file
        log.info("itinerary: %s", "none" if itinerary is None else f"version {itinerary['version']}")
        if path is None:
            return
        try:
            fresh = path.with_name(path.name + ".new")
            fresh.write_text(json.dumps(itinerary, ensure_ascii=False), encoding="utf-8")
            fresh.replace(path)
        except OSError as error:
            log.warning("the itinerary could not be written to %s: %s; check the folder and its rights", path, error)

    def _life(self, life: str) -> Publish:
        name = wire.topic("life", self._config.area, self._config.truck_id, family="truck")
        return Publish(name, wire.pack(name, {"life": life, "boot": self._device.outbox.boot}), True)

    def _put(self, what: Event | tuple[str, bytes]) -> None:
        self._inbox.put((what, self._monotonic()))

    def _edge(self, down: bool) -> None:
        self._put(ButtonDown() if down else ButtonUp())

    def _read_gps(self) -> None:
        try:
            while not self._stop.is_set():
                for event, at_s in self._gps.step():
                    self._inbox.put((event, at_s))
        finally:
            self._gps.close()
            self._put(Wake())  # the loop may be asleep: it is to see `stop`, or that this thread has ended


def _system_start() -> str | None:
    """What names this start of the computer, over which its monotonic clock runs on; None where nothing does."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _only_agent(outbox_path: Path) -> IO[bytes] | None:
    """Takes the lock that a second agent on the same outbox would need; raises OSError if there is one.

    None where the disk gives no lock: a truck without a disk still says where it is.
    """
    path = outbox_path.with_suffix(".lock")
    lock: IO[bytes]
    try:
        outbox_path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
    except OSError:
        try:
            lock = path.open("rb")  # a read-only disk
        except OSError:
            return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise OSError(f"another truck agent uses {outbox_path}; stop it first") from error
    return lock
