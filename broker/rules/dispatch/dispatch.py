"""The dispatch: everything a device says or a person does comes in here, and what must be stored, published and
told goes out. `(event, now) -> effects`; no clock, no socket, no file.

    on_message(message, now)   a device spoke (already unpacked and checked by firmware.wire)
    on_tick(now)               time passed (once a second)
    act(action, now)           a person decided (see actions.py)

The order of work for a truck's position: match it to the run (tracking), then run_progress.py:
settle arrivals and departures, predict (arrival), call lamps (lamp_call), tell rooms and truck (messages).
"""

from typing import Any

from broker.rules.dispatch import incident_handling
from broker.rules.dispatch.action_handling import carry_out
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.attention import ask_about_overstaying, forget_left_out
from broker.rules.dispatch.bin_counts import take_report
from broker.rules.dispatch.day import Attention, RoomState, Shift, TruckState
from broker.rules.dispatch.effects import Effect, Notice, Store
from broker.rules.dispatch.offers import ReplanError, offer_body, offers_for
from broker.rules.dispatch.records import close_incident, close_topics, put_incident, tell_incident
from broker.rules.dispatch.run_opening import open_runs
from broker.rules.dispatch.run_progress import finish_if_settled, follow, update
from broker.rules.dispatch.run_restoring import cancel_gone
from broker.rules.states.incident import ACK_EXPIRES_S, Incident, IncidentError
from broker.rules.states.visit import VisitError
from broker.rules.tracking.tracker import GpsFix
from firmware import wire

OFFER_EVERY_S = 30
FORGET_EVERY_S = 3600
KEEP_S = 36 * 3600  # how long what is over stays, over a restart too
OPEN_S = 14 * 86400  # what nobody settled or closed for two weeks is in the record, no longer on the screen
SAME_TIME_S = 120  # how far a device's idea of a past moment may move while its clock settles


class Dispatch:
    """The decisions over one `Shift`; the shell stores, then publishes what the methods return."""

    def __init__(self, shift: Shift) -> None:
        self.shift = shift
        self.wrong_clocks = 0
        self.stale_fixes = 0
        self.forgot_at = 0
        self.ticked_at = 0

    # --- what devices say -------------------------------------------------------------------------------

    def on_message(self, message: wire.Message, now: int) -> list[Effect]:
        """Decide on one device message that is new (not a resend)."""
        self.shift.clock = max(self.shift.clock, now)
        effects = self._message(message, now)
        return self._settle(effects, now) if self.shift.reordered else effects

    def on_tick(self, now: int) -> list[Effect]:
        """What time alone brings: runs that open, gaps that grow, alarms that repeat."""
        self.shift.clock = max(self.shift.clock, now)
        return self._settle(self._tick(now), now)

    def act(self, act: Act, now: int) -> list[Effect]:
        """What a person decided; raises ActionError when it cannot be done, and then nothing has changed."""
        try:
            return self._settle(carry_out(self.shift, act, now), now)
        except (IncidentError, VisitError, ReplanError) as why:
            raise ActionError(str(why)) from why

    def _settle(self, effects: list[Effect], now: int) -> list[Effect]:
        """Predict and tell anew the runs whose visits were changed; close the ones that owe nothing any more."""
        while self.shift.reordered:
            run = self.shift.runs.get(self.shift.reordered.pop())
            if run is None or run.state == "finished":
                continue
            effects += update(self.shift, run, now, changed=True)
            effects += finish_if_settled(self.shift, run, now)
        return effects

    def _message(self, message: wire.Message, now: int) -> list[Effect]:
        address, body = message.address, message.body
        if body is None:  # a retained topic was cleared; devices clear nothing that decides
            return []
        if address.family == "truck":
            truck = self.shift.trucks.get(address.device)
            if truck is None:
                truck = self.shift.trucks[address.device] = TruckState()
            truck.heard_at = now
            if address.channel == "life":
                return self._life(address, truck, body, now)
            if self._out_of_order(truck, address.channel, body):
                return []
            if address.channel == "fix":
                return self._fix(address.device, truck, body, now)
            return self._incident(address.device, body, now)
        room = self.shift.rooms.get(address.device)
        if room is None:
            room = self.shift.rooms[address.device] = RoomState()
        room.heard_at = now
        if address.channel == "life":
            return self._life(address, room, body, now)
        out_of_order = self._out_of_order(room, address.channel, body)
        if address.channel == "bins" and (body["late"] or not out_of_order):
            return take_report(self.shift, address.device, body, now)
        if out_of_order:
            return []
        if address.channel == "lamp":
            room.lamps = {lamp["waste"]: lamp for lamp in body["lamps"]}
            room.lamps_at = now
            return []
        return self._keeper(address.device, room, body, now)

    def _out_of_order(self, device: TruckState | RoomState, channel: str, body: dict[str, Any]) -> bool:
        """Whether something newer of this channel was decided on already (incidents are told apart by their id)."""
        if channel in ("incident", "keeper"):
            return False
        mine = (body["boot"], body["seq"])
        if mine <= device.order_seen.get(channel, (-1, -1)):
            return True
        if not body.get("late", False):
            device.order_seen[channel] = mine
        return False

    def _life(
        self, address: wire.Address, device: TruckState | RoomState, body: dict[str, Any], now: int
    ) -> list[Effect]:
        if body["boot"] < device.boot and body["life"] in ("lost", "disconnected"):
            return []  # the will of a connection before the last restart says nothing about now
        if body["boot"] < device.boot:
            device.order_seen.clear()  # a new card or a new board counts from elsewhere
        changed = (device.life, device.boot) != (body["life"], body["boot"])
        device.life, device.boot, device.fw = body["life"], body["boot"], body.get("fw", device.fw)
        if not changed:
            return []
        record_id = f"life:{address.device}:{self.shift.next_number()}"
        return [Store(record_id, "life", address.device, now, {**body, "device": address.device})]

    def _fix(self, truck_id: str, truck: TruckState, body: dict[str, Any], now: int) -> list[Effect]:
        truck.mode = body["mode"]
        if body["late"] or body["lat"] is None or body["lon"] is None:
            return []
        fix_at = now if body["fix_at"] is None else body["fix_at"]
        fix = GpsFix(fix_at, body["lat"], body["lon"], body["speed_mps"])
        if fix.ahead(now):
            self.wrong_clocks += 1
            self.shift.attention[f"clock/{truck_id}"] = Attention(
                now, "clock_ahead", {"truck": truck_id, "seconds": fix_at - now}
            )
            return []
        self.shift.attention.pop(f"clock/{truck_id}", None)
        if not fix.fresh(now):
            self.stale_fixes += 1
            return []
        if truck.fix is not None and fix_at < truck.fix.fix_at:
            return []
        truck.fix = fix
        run = self.shift.run_of(truck_id)
        if run is None:
            return []
        effects = follow(self.shift, run, run.tracker.on_fix(fix), now)
        return effects + update(self.shift, run, now)

    def _keeper(self, room_id: str, room: RoomState, body: dict[str, Any], now: int) -> list[Effect]:
        if body["event"] == "bins_out":
            room.bins_out_at = now if body["at"] is None else body["at"]
            return []
        effects: list[Effect] = []
        at = now if body["at"] is None else body["at"]
        for incident in list(self.shift.incidents.values()):
            if at < incident.raised_at:
                continue  # said of an earlier obstacle, and only now delivered
            if incident.open and incident.condition == "active" and incident.room == room_id:
                effects += incident_handling.clear_lane(self.shift, incident, f"keeper of {room_id}", now)
        return effects

    def _incident(self, truck_id: str, body: dict[str, Any], now: int) -> list[Effect]:
        known = self.shift.incidents.get((truck_id, body["incident_id"]))
        version = 1
        if known is not None and not known.open and _pressed_anew(known, body):
            version, known = known.version + 1, None
        if known is not None and not known.open:
            return close_topics(self.shift, known)  # a resend of what is over: clear its retained topics again
        if known is None:
            incident = Incident(
                truck=truck_id,
                incident_id=body["incident_id"],
                reason=body["reason"],
                raised_at=now,
                pressed_at=body["pressed_at"],
                lat=body["lat"],
                lon=body["lon"],
                version=version,
                changed_at=now,
                stands_since=version,
            )
            if body["withdrawn"]:
                over = incident.after("withdraw", now, condition="cleared", closed_at=now)
                return put_incident(self.shift, over, now)
            return incident_handling.raise_incident(self.shift, incident, now)
        if body["withdrawn"]:
            return incident_handling.withdraw(self.shift, known, now)
        if body["reason"] != known.reason:
            return incident_handling.upgrade(self.shift, known, body["reason"], now)
        return tell_incident(self.shift, known)

    # --- time -------------------------------------------------------------------------------------------

    def _tick(self, now: int) -> list[Effect]:
        effects = [*cancel_gone(self.shift, now), *open_runs(self.shift, now)]
        if not 0 <= now - self.ticked_at <= FORGET_EVERY_S:
            self.forgot_at = now  # a start, or a clock that was set and may be wrong: an hour of ticks comes first
        self.ticked_at = now
        if now >= self.forgot_at + FORGET_EVERY_S:
            self.forgot_at = now
            self.shift.forget(now - KEEP_S, now - OPEN_S)
            forget_left_out(self.shift, now - KEEP_S)
        ask_about_overstaying(self.shift, now)
        for run in list(self.shift.runs.values()):
            if run.state == "finished" or self.shift.run_of(run.truck) is not run:
                if run.state != "finished" and now - run.updated_at >= self.shift.settings.restate_s:
                    effects += update(self.shift, run, now)
                continue
            events = run.tracker.on_tick(now)
            effects += follow(self.shift, run, events, now)
            if events or now - run.updated_at >= self.shift.settings.update_s:
                effects += update(self.shift, run, now)
        for incident in list(self.shift.incidents.values()):
            wake_at = incident.wake_at()
            if wake_at is not None and now >= wake_at:
                effects += self._time_passed(incident, now)
            self._offer(incident, now)
            if incident.workflow == "resolved" and not self._still_owed(incident):
                effects += close_incident(self.shift, incident, now)
        return effects

    def _time_passed(self, incident: Incident, now: int) -> list[Effect]:
        if incident.workflow == "acknowledged":
            text = f"{incident.truck}: acknowledged {ACK_EXPIRES_S // 60} minutes ago, nothing decided: open again"
            return [
                *put_incident(self.shift, incident.after("expire", now, repeated_at=now), now),
                Notice("severe", text),
            ]
        again = incident.repeated(now)
        waited_s = now - incident.raised_at
        text = f"{incident.truck}: {incident.reason} not acknowledged for {waited_s} s; second person told"
        return [*put_incident(self.shift, again, now), Notice("severe", text)]

    def _offer(self, incident: Incident, now: int) -> None:
        """Work out what could be done about a breakdown, to be shown before anybody agrees; it ages, so again."""
        wanted = incident.open and incident.reason == "breakdown" and incident.workflow in ("raised", "acknowledged")
        run = self.shift.runs.get(incident.run_id or "")
        if not wanted or run is None:
            self.shift.offers.pop(incident.key, None)
            return
        made_at = self.shift.offers.get(incident.key, (0, []))[0]
        if now - made_at >= OFFER_EVERY_S:
            offers = offers_for(self.shift, run, self.shift.owed(run), now)
            self.shift.offers[incident.key] = (now, [offer_body(self.shift, offer) for offer in offers])

    def _still_owed(self, incident: Incident) -> bool:
        """Whether the visit that makes up for a blocked one has not been settled."""
        if incident.room is None or incident.run_id is None:
            return False
        return any(
            visit.owed and visit.run_id == incident.run_id and visit.visit_number > (incident.visit_number or 0)
            for visit in self.shift.visits_at(incident.room)
        )


def _pressed_anew(known: Incident, body: dict[str, Any]) -> bool:
    """Whether a closed incident's id comes with another press: the truck's boot counter went back (a new SD card)."""
    one, other = known.pressed_at, body["pressed_at"]
    return one is not None and other is not None and abs(other - one) > SAME_TIME_S and not body["withdrawn"]
