// What a device can be told, and whether what it says now is the answer to that.

import { say } from "../frame/words.js";

export const KNOWN = { truck: ["identify", "rebirth"], room: ["identify", "rebirth", "calibrate", "reset"] };
export const ANSWER_MS = 15000;
export const path = (row) => `/api/v1/${row.family}s/${encodeURIComponent(row.device)}/command`;

// Told, and answered or not: `before` is the answer that stood there when it was told.
export const outcome = (row, told, now) => {
  if (!told) return null;
  if (row.answer && row.answer.id !== told.before) return { done: row.answer.done, text: row.answer.said || say(row.answer.done ? "done_without_words" : "not_done") };
  if (told.command === "reset" && row.boot !== told.boot) return { done: true, text: say("started_again", { boot: row.boot }) };
  return now - told.at < ANSWER_MS ? { done: null, text: say("waits_for_answer") } : { done: false, text: say("no_answer") };
};
