"""A TCP proxy before the broker that does what a plan says: one port for each device, all of them in one thread."""

import asyncio
import math
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial

from sim.live.faults.plan import Fault, breaks, leaves_s

PIECE_BYTES = 512  # so few at once: a slow line would else give a long word all at once
WAITING_PIECES = 128  # more is not read: the sender's own buffer fills, as on a slow line
UP_S = 10.0
LOOK_S = 0.2  # so soon it is seen that the plan's time has begun

TORN = struct.pack("ii", 1, 0)  # a connection that is closed without waiting is reset

Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FaultyNetwork:
    """`port(device)` is that device's way to the broker; nothing goes wrong before `go`. Always `close` it."""

    def __init__(self, host: str, broker_port: int, plans: Mapping[str, Sequence[Fault]]) -> None:
        self._target = (host, broker_port)
        self._plans = plans
        self._ports: dict[str, int] = {}
        self._went_s = math.inf
        self._loop = asyncio.new_event_loop()
        self._lines: set[asyncio.Task[None]] = set()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty-network", daemon=True)
        self._thread.start()
        if not self._is_up.wait(UP_S):
            raise OSError("the faulty network did not come up")

    def port(self, device: str) -> int:
        """Where this device finds the broker."""
        return self._ports[device]

    def go(self) -> None:
        """The plan's time begins now."""
        self._went_s = time.monotonic()

    @property
    def went_s(self) -> float:
        """The monotonic moment at which it began."""
        return self._went_s

    def close(self) -> None:
        """End every connection; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(UP_S)

    # --- inside, in the thread of the loop ------------------------------------------------------------

    def _run(self) -> None:
        loop = self._loop
        servers = [loop.run_until_complete(self._listening(device)) for device in self._plans]
        self._is_up.set()
        loop.run_forever()
        for server in servers:
            server.close()
        loop.run_until_complete(self._end())
        loop.close()

    async def _end(self) -> None:
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _listening(self, device: str) -> asyncio.Server:
        serve = partial(self._connected, self._plans[device])
        server = await asyncio.start_server(serve, self._target[0], 0, limit=PIECE_BYTES)
        self._ports[device] = server.sockets[0].getsockname()[1]
        return server

    def _now_s(self) -> float:
        return time.monotonic() - self._went_s  # before `go` it is minus infinity, when nothing goes wrong

    async def _connected(
        self, faults: Sequence[Fault], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        writers, is_torn = [writer], True
        try:
            await self._until(leaves_s(faults, self._now_s(), -math.inf, 0))  # a black hole takes the first word too
            from_broker, to_broker = await asyncio.open_connection(*self._target, limit=PIECE_BYTES)
            writers.append(to_broker)
            is_torn = await self._both(faults, (reader, writer), (from_broker, to_broker))
        except (OSError, asyncio.CancelledError):
            pass  # the broker is down, or this network is taken away: the device sees its connection end
        finally:
            for one in writers:
                if is_torn:
                    one.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, TORN)
                    one.transport.abort()
                one.close()
            self._lines.discard(line)

    async def _both(self, faults: Sequence[Fault], device: Side, broker: Side) -> bool:
        """Carry until the connection is over for both sides; whether it was torn, and what was on its way is gone."""
        began_s = self._now_s()
        up = asyncio.create_task(self._carry(faults, device[0], broker[1]))
        down = asyncio.create_task(self._carry(faults, broker[0], device[1]))
        broken = breaks(faults, began_s)
        end = asyncio.create_task(self._until(broken.end_s if broken is not None else math.inf))
        half = asyncio.create_task(self._until(broken.at_s if broken is not None else math.inf))
        try:
            done, _ = await asyncio.wait({up, down, end, half}, return_when=asyncio.FIRST_COMPLETED)
            if half not in done:
                return False  # one side went, and the other is told
            if broken is not None and broken.kind == "half_close":
                told, way = (broker[1], up) if broken.towards == "up" else (device[1], down)
                way.cancel()
                told.write_eof()
                await end
            return True
        finally:
            for task in (up, down, end, half):
                task.cancel()
            await asyncio.gather(up, down, end, half, return_exceptions=True)

    async def _carry(self, faults: Sequence[Fault], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Bytes of one direction, each when the plan lets it, up to the end of them."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING_PIECES)
        reading = asyncio.create_task(self._read(faults, reader, waiting))
        try:
            while True:
                leaves, piece = await waiting.get()
                await self._until(leaves)
                if not piece:
                    return
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass  # that side is gone
        finally:
            reading.cancel()

    async def _read(
        self, faults: Sequence[Fault], reader: asyncio.StreamReader, waiting: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        before_s, piece = -math.inf, b"."
        while piece:
            try:
                piece = await reader.read(PIECE_BYTES)
            except OSError:
                piece = b""
            before_s = leaves_s(faults, self._now_s(), before_s, len(piece))
            await waiting.put((before_s, piece))

    async def _until(self, moment_s: float) -> None:
        """Sleep until that second of the plan; what lies before its beginning is over."""
        while (now_s := self._now_s()) < moment_s:
            await asyncio.sleep(LOOK_S if now_s == -math.inf else moment_s - now_s)
