// What a thing of the picture is on the map: one word, which has a shape and a colour. What is calm has no hue.

const URGENT = ["no_data", "skipped", "due", "at_stop", "held"]; // the last one wins
export const MARKS = {
  calm: { shape: "dot", tone: "quiet" }, due: { shape: "triangle", tone: "ink" }, at_stop: { shape: "square", tone: "ink" },
  held: { shape: "diamond", tone: "warn" }, skipped: { shape: "cross", tone: "warn" }, no_data: { shape: "ring", tone: "warn" },
};

// The word of a room: the most urgent of what it was told of its kinds, and of what its lamps say.
export function roomState(room) {
  let rank = room.life === "lost" ? 0 : -1;
  for (const waste in room.arrivals) rank = Math.max(rank, URGENT.indexOf(room.arrivals[waste]?.state));
  for (const lamp of room.lamps) rank = Math.max(rank, URGENT.indexOf(lamp.lamp));
  return URGENT[rank] ?? "calm";
}

// Of a truck: "old" where its fix says nothing any more, "alarm" with an open press, "away" without a run.
export function truckState(truck) {
  if (truck.incidents.length) return "alarm";
  if (!truck.run_id) return "away";
  return truck.fresh ? (truck.held ? "held" : truck.off_route ? "off_route" : "calm") : "old";
}
