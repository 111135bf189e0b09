// The plan as the map has it: the lines that trucks drive, rooms with their state, estates with the ground around their rooms.

import { ground, line, placed } from "./geometry.js";
import { boxed } from "./paint.js";
import { roomState } from "./states.js";

const AROUND_M = 45; // an estate reaches so far around its rooms
const middle = (all) => ({ x: all.reduce((sum, one) => sum + one.x, 0) / all.length, y: all.reduce((sum, one) => sum + one.y, 0) / all.length });

// `told` is the answer of /api/v1/plan/map.
export function planOf(told) {
  const ways = new Map(), estates = new Map();
  const rooms = new Map(told.places.map((one) => [one.place, { ...one, ...placed(one.lat, one.lon), state: "calm", row: null }]));
  for (const one of told.lines) {
    const way = { ...one, line: line(one.points.map(([lat, lon]) => placed(lat, lon))) };
    ways.set(one.route, [...(ways.get(one.route) ?? []), way].sort((a, b) => b.trips.length - a.trips.length));
  }
  for (const one of told.estates) {
    const own = [...rooms.values()].filter((room) => room.estate === one.estate), centre = middle(own), around = ground(own, AROUND_M);
    estates.set(one.estate, { ...one, ...centre, around, far: Math.max(...around.map(({ x, y }) => Math.hypot(x - centre.x, y - centre.y))) });
  }
  const lines = [...ways.values()].flat().map((way) => way.line.points).filter((points) => points.length > 1);
  const ofRun = (run) => ways.get(run.route)?.find((way) => !way.trips.length || way.trips.some((trip) => run.run_id === trip || run.run_id.startsWith(`${trip}.`)));
  return {
    rooms, estates, streets: lines.map(boxed), grounds: [...estates.values()].map((one) => boxed(one.around)), all: [...lines.flat(), ...rooms.values()],
    station: told.transfer_station ? placed(...told.transfer_station) : null,
    // The line that a truck's run drives, and how far along it is believed; its points are fewer than the plan's.
    wayOf(row, picture) {
      const run = row.run_id && picture.runs.find((one) => one.run_id === row.run_id), way = run && ofRun(run);
      return { way: way?.line ?? null, along: way && run.along_m !== null ? (run.along_m * way.line.length) / Math.max(1, way.length_m) : null };
    },
    // Takes the rooms' newest states; whether one of them is another.
    told(picture) {
      let other = false;
      for (const row of picture.rooms) {
        const room = rooms.get(row.room);
        if (!room || room.row === row) continue;
        room.row = row;
        const state = roomState(row);
        if (state !== room.state) (room.state = state), (other = true);
      }
      return other;
    },
  };
}

export const NO_PLAN = planOf({ lines: [], places: [], estates: [], transfer_station: null });
