// What the keeper's page decides, without drawing: what rings, which lamp a room shows, what comes next.

const OWED = ["pending", "due", "at_stop"];
const URGENT = ["at_stop", "due", "held", "no_data", "off"];
const RINGS_S = 120; // a call that is older has been heard, or nobody is there
export const LATE_FROM_S = 120;

export const owed = (calls) => calls.filter((call) => OWED.includes(call.state));
export const over = (calls) => calls.filter((call) => !OWED.includes(call.state)).reverse();

// The lamp of each kind as it was read back at the pin; of a unit that is away, or where nothing is `heard` at all,
// nobody knows it.
export const lamps = (room, heard = true) => {
  const known = heard && room.life === "ready" && room.lamps.length > 0;
  const of = (waste) => room.lamps.find((lamp) => lamp.waste === waste) ?? room.lamps.find((lamp) => lamp.waste === "any");
  return room.wastes.map((waste) => ({ waste, lamp: known ? (of(waste)?.lamp ?? "no_data") : "no_data" }));
};

export const urgent = (room, heard) => lamps(room, heard).map((one) => one.lamp).sort((one, other) => URGENT.indexOf(one) - URGENT.indexOf(other))[0] ?? "off";

// Whether the bins of this call are said to stand outside.
export const isOut = (room, call) => room.bins_out_at !== null && call.due_at !== null && room.bins_out_at >= call.due_at;

// The calls that the page rings for: made just now, and nobody said anything yet.
export const ringing = (today, heard) =>
  today.rooms.flatMap((room) => room.calls.filter((call) => call.state === "due" && !isOut(room, call) && today.at - call.due_at <= RINGS_S && !heard.has(call.id)).map((call) => ({ room, call })));

// What is still to come after the next one: visits that are known, and the timetable's.
export const later = (room, next) => [...owed(room.calls).filter((call) => call !== next), ...room.later].sort((one, other) => (one.eta_at ?? one.planned_at) - (other.eta_at ?? other.planned_at));
