"""The truck's decisions: positions worth a message, the button and its light, what to keep and what to show; pure.

How to use it (the program, the simulator and the tests do exactly this):

    agent = Agent("t01", "xh", boot=12)
    effects = agent.handle(Started(incidents=outbox.open_incidents()), now_s)   # once, first
    effects = agent.handle(event, now_s)     # every event, in order; now_s = monotonic seconds, any origin
    agent.wake_at_s                          # float or None: hand it Wake() then (later is safe, earlier too)

Events and effects are the frozen dataclasses of `events`. In: Started, FixSeen(fix), GpsState(word), ButtonDown,
ButtonUp (raw edges, bounces welcome), Received(family, channel, item, body) for what `wire.unpack` gave, LinkUp
(connected, subscription sent), LinkDown, PartState(part, trouble), Done(...), Wake, Stopping. Out, to be done in order:
Keep(report), Settle(acks), Stage(...), Light(pattern), GpsLight(word), ShowItinerary(itinerary or None),
TakeCertificate(...), Say(channel, body), Note(kind, text).

`device.TruckDevice(agent, outbox)` does Keep, Settle, Stage and Say against an outbox and gives back what to
publish and what to show: most callers want that. The agent never decides when a report is sent: `courier` does.
A report's body has `sent_at` None and `late` False; the courier fills both in at the moment of sending.

The parts, each a small pure machine: `gps/whereabouts` (which fix is believed and worth a message), `clock` (what time
it is), `button/gesture` (the button), `button/presses` (what its gestures mean), `button/incidents` (the light).
"""

from collections import Counter
from typing import Any

from firmware import wire
from firmware.truck.button.gesture import STUCK_S, Gestures
from firmware.truck.button.incidents import Incidents
from firmware.truck.button.presses import Presses
from firmware.truck.clock import TruckClock
from firmware.truck.events import (
    Body,
    ButtonDown,
    ButtonUp,
    Done,
    Effect,
    Event,
    FixSeen,
    GpsLight,
    GpsState,
    Keep,
    Light,
    LinkDown,
    LinkUp,
    Note,
    OpenIncident,
    PartState,
    Received,
    Report,
    Say,
    Settle,
    ShowItinerary,
    Stage,
    Started,
    Stopping,
    TakeCertificate,
    Wake,
)
from firmware.truck.gps.acceptance import Box
from firmware.truck.gps.fix import Fix
from firmware.truck.gps.whereabouts import Whereabouts

EDGES = (ButtonDown, ButtonUp)


class Agent:
    """One truck's decisions; see the top of this file."""

    def __init__(
        self,
        truck_id: str,
        area: str,
        boot: int,
        *,
        fw: str = "0",
        box: Box | None = None,
        test_mode: bool = False,
    ) -> None:
        """`boot` counts the starts of this truck for ever; `box` is the district; `test_mode` takes simulated fixes."""
        self.truck_id = truck_id
        self.area = area
        self.boot = boot
        self.clock = TruckClock()
        self.counts: Counter[str] = Counter()
        self._fw = fw
        self._seq = 0
        self._whereabouts = Whereabouts(self.clock, box, test_mode)
        self._incidents = Incidents()
        self._gestures = Gestures()
        self._presses = Presses(self._incidents.get)
        self._troubles: dict[str, str] = {}  # part -> why it does not work
        self._bridge_s: float | None = None
        self._identify_until_s: float | None = None
        self._light = ""
        self._gps_light = ""
        self._itinerary: Body | None = None
        self._now_s = float("-inf")

    def handle(self, event: Event, now_s: float) -> list[Effect]:
        """What to do about `event` at monotonic `now_s`; never raises on account of what a peer or a sensor sent."""
        # Edges are stamped in another thread: they may be a moment older than what was handled last.
        now_s = self._now_s = max(self._now_s, now_s)
        out: list[Effect] = []
        if isinstance(event, EDGES):
            self._gesture(self._gestures.edge(isinstance(event, ButtonDown), now_s), out)
        else:
            self._gesture(self._gestures.advance(now_s), out)
        if isinstance(event, Wake):
            pass  # as most are, but for what is seen: time has passed, and no more
        elif isinstance(event, FixSeen):
            self._fix_seen(event.fix, now_s, out)
        elif isinstance(event, Received):
            self._received(event, now_s, out)
        elif isinstance(event, Started):
            self._incidents.restore(event.incidents)
            self._whereabouts.begin(now_s)
            if event.button_down:
                self._gestures = Gestures(down=True)
                out.append(self._note("button_stuck", "the button is down at start: ignored until it is let go"))
        elif isinstance(event, GpsState):
            if not self._whereabouts.said(event.word):
                self.counts["gps_word_unknown"] += 1
        elif isinstance(event, LinkUp):
            self._incidents.link_up(now_s)
            out.append(self._life("ready"))
        elif isinstance(event, LinkDown):
            self._incidents.link_down()
            self._bridge_s = None
        elif isinstance(event, PartState):
            self._part(event, out)
        elif isinstance(event, Done):
            out.append(self._answer(event.command_id, event.done, event.said))
        elif isinstance(event, Stopping):
            out.append(self._life("disconnected"))
        self._after(now_s, out)
        return out

    @property
    def wake_at_s(self) -> float | None:
        """When this agent wants Wake() if nothing else happens; None = nothing is due."""
        gesture_s, place_s, identify_s = self._gestures.wake_at_s, self._whereabouts.wake_at_s, self._identify_until_s
        if gesture_s is None and identify_s is None:  # as nearly always
            return place_s
        return min(at_s for at_s in (gesture_s, place_s, identify_s) if at_s is not None)

    def unix_at(self, now_s: float) -> int | None:
        """POSIX seconds at monotonic `now_s`, or None while neither receiver nor bridge has told."""
        return self.clock.unix_at(now_s)

    def bridge_heard(self, now_s: float) -> bool:
        """Whether the bridge was heard on this connection within the last 90 s."""
        return self._bridge_s is not None and now_s - self._bridge_s <= wire.NO_DATA_S

    def _fix_seen(self, fix: Fix, now_s: float, out: list[Effect]) -> None:
        reason = self._whereabouts.seen(fix, now_s)
        if reason is None:
            return
        if self.counts["fix_" + reason] == 0:
            out.append(self._note("fix_" + reason, f"first fix refused ({reason}): {fix}"))
        else:
            self.counts["fix_" + reason] += 1

    # --- the button -----------------------------------------------------------------------------------

    def _gesture(self, made: list[tuple[str, float]], out: list[Effect]) -> None:
        for gesture, at_s in made:
            self.counts["gesture_" + gesture] += 1
            if gesture == "stuck":
                held = f"the button has been down for {STUCK_S:g} s: ignored until it is let go"
                out.append(self._note("button_stuck", f"{held}; look for a jammed cap or a short"))
            elif gesture == "freed":
                out.append(self._note("button_freed", "the button has been let go and counts again"))
            else:
                incident = self._presses.meant(gesture, at_s, self._blocked_here(at_s))
                if incident is not None:
                    self._tell(incident, at_s, out)

    def _blocked_here(self, at_s: float) -> OpenIncident:
        """The incident a press at this moment raises."""
        incident_id = f"{self.truck_id}-{self.boot}-{self._seq + 1}"
        return OpenIncident(incident_id, "lane_blocked", self.clock.unix_at(at_s), **self._whereabouts.lead(at_s))

    def _tell(self, incident: OpenIncident, at_s: float, out: list[Effect]) -> None:
        report = self._keep("incident", incident.incident_id, incident.told(), at_s, out)
        self._incidents.told(incident, report.boot, report.seq)
        self._whereabouts.ask()

    # --- the bridge -----------------------------------------------------------------------------------

    def _received(self, message: Received, now_s: float, out: list[Effect]) -> None:
        body = message.body
        if message.family == "bridge":
            if message.channel == "clock" and body is not None:
                if self.clock.bridge_said(body["at"], now_s):
                    self._bridge_s = now_s
            elif message.channel == "life" and (body is None or body["life"] != "ready"):
                self._bridge_s = None
        elif message.channel == "ack" and body is not None:
            out.append(Settle(tuple(body["acks"])))
            out.extend(_stage(incident) for incident in self._incidents.settled(body["acks"]))
        elif message.channel == "incident_ack":
            stage, decision = ("closed", None) if body is None else (body["stage"], body["decision"])
            changed = self._incidents.staged(message.item, stage, decision)
            if changed is not None:
                out.append(_stage(changed))
        elif message.channel == "itinerary":
            self._show(body, out)
        elif message.channel == "command" and body is not None:
            if body["command"] == "certificate":
                out.append(TakeCertificate(str(body["id"]), str(body.get("certificate", ""))))
            else:
                self._command(str(body["command"]), str(body["id"]), now_s, out)

    def _show(self, itinerary: Body | None, out: list[Effect]) -> None:
        shown = self._itinerary
        if shown is not None and itinerary is not None and shown["itinerary_id"] == itinerary["itinerary_id"]:
            if itinerary["version"] < shown["version"]:
                self.counts["itinerary_old"] += 1
                return
            if itinerary == shown:
                return
        self._itinerary = itinerary
        out.append(ShowItinerary(itinerary))

    def _command(self, command: str, command_id: str, now_s: float, out: list[Effect]) -> None:
        done, said = True, "everything is reported anew"
        if command == "rebirth":
            self._whereabouts.ask()
        elif command == "identify" and "light" in self._troubles:
            done, said = False, "identify: the light does not work"
        elif command == "identify":
            self._identify_until_s = now_s + wire.IDENTIFY_S
            said = f"identify: the light blinks for {wire.IDENTIFY_S} s"
        else:
            done, said = False, f"unknown command {command[:64]!r} was ignored"
            out.append(self._note("command_unknown", said))
        out.append(self._answer(command_id, done, said))

    def _answer(self, command_id: str, done: bool, said: str) -> Say:
        return self._life("ready", {"answers": command_id, "done": done, "said": said[: wire.MAX_SAID]})

    # --- what every event ends with -------------------------------------------------------------------

    def _after(self, now_s: float, out: list[Effect]) -> None:
        # No wake-up of its own: the bridge's heartbeat, without which it does not count, brings it here.
        gone = self._incidents.closed_by_silence(now_s, self.bridge_heard(now_s))
        out.extend(_stage(incident) for incident in gone)
        position = self._whereabouts.report(now_s)
        if position is not None:
            self._keep("fix", "", position, now_s, out)
        if self._identify_until_s is not None and now_s >= self._identify_until_s:
            self._identify_until_s = None
        light = self._incidents.pattern if self._identify_until_s is None else "identify"
        if light != self._light:
            self._light = light
            out.append(Light(light))
        if self._whereabouts.word != self._gps_light:
            self._gps_light = self._whereabouts.word
            out.append(GpsLight(self._gps_light))

    def _keep(self, channel: str, item: str, body: dict[str, Any], at_s: float, out: list[Effect]) -> Report:
        self._seq += 1
        report = Report(self.boot, self._seq, channel, item, {"boot": self.boot, "seq": self._seq} | body, at_s)
        out.append(Keep(report))
        return report

    def _part(self, state: PartState, out: list[Effect]) -> None:
        """What does not work is said once in the log, and in the truck's life for as long as it does not."""
        was = self._troubles.get(state.part)
        if state.trouble == was:
            return
        if state.trouble is None:
            del self._troubles[state.part]
            out.append(self._note(state.part + "_back", f"{state.part.replace('_', ' ')}: works again"))
        else:
            if state.trouble not in self._troubles.values():
                out.append(self._note(state.part + "_fault", state.trouble))
            self._troubles[state.part] = state.trouble
        if (was is None) != (state.trouble is None):
            out.append(self._life("ready"))

    def _life(self, life: str, answer: Body | None = None) -> Say:
        body = {"life": life, "boot": self.boot, "fw": self._fw, **(answer or {})}
        faults = [{"part": part} for part in wire.PARTS if part in self._troubles]
        return Say("life", body | {"faults": faults} if faults else body)

    def _note(self, kind: str, text: str) -> Note:
        self.counts[kind] += 1
        return Note(kind, text)


def _stage(incident: OpenIncident) -> Stage:
    return Stage(incident.incident_id, incident.stage or "stored", incident.decision)
