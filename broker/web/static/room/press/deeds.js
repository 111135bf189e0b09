// What can be done about a press, and by whom.

import { say } from "../../frame/words.js";

export const INCIDENT = "POST /api/v1/incidents/{incident_id}/";
const OPEN = ["raised", "acknowledged", "in_progress"];
export const pathOf = (row, verb) => `/api/v1/incidents/${encodeURIComponent(row.incident_id)}/${verb}?truck=${encodeURIComponent(row.truck)}`;

// A truck that may be asked to take over, chosen by whoever decides; null for none.
export function chooseTruck({ picture, ask }, row) {
  const waste = picture().runs.find((run) => run.run_id === row.run_id)?.waste;
  const able = picture().trucks.filter((truck) => truck.truck !== row.truck && truck.loads?.includes(waste)).map((truck) => [truck.truck, truck.truck]);
  return ask(say("ask_truck"), able.length ? { options: able, yes: say("extra_truck") } : { field: say("truck"), yes: say("extra_truck") });
}

// Which deeds a card has, in their places, and whether each can be done now.
export function deedsOf(row, may) {
  const able = (verb) => may(INCIDENT + verb, row), undecided = OPEN.includes(row.workflow);
  return [
    ["acknowledge", "acknowledge", able("acknowledge"), row.workflow === "raised"],
    ...(row.reason === "lane_blocked" ? [["return_later", "decide", able("decide"), undecided]] : []),
    ["wait", "decide", able("decide"), undecided],
    ...(row.reason === "breakdown" ? [] : [["extra_truck", "decide", able("decide"), undecided]]),
    ["clear", "clear", able("clear"), undecided && row.condition === "active"],
    ["cancel_visit", "decide", able("decide"), undecided],
    ["resolve", "resolve", able("resolve"), undecided],
  ].filter(([, , allowed]) => allowed).map(([label, verb, , now]) => ({ label, verb, now, asks: label === "cancel_visit" || label === "resolve" }));
}

// The how-manieth press this is of its truck for the same reason today.
export const nthOf = (row, rows) => rows.filter((other) => other.truck === row.truck && other.reason === row.reason && other.raised_at <= row.raised_at).length;
