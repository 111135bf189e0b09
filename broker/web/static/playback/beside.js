// What was believed at a moment beside what came true: the record knows by now when each truck came.

import { html } from "../vendored/htm-preact-3.1.1.js";
import { named, say } from "../frame/words.js";

const MOST = 12;

// What came of a visit as a picture told it: {came_at, late_s}, {ended: its state}, or null where the record says nothing.
export function cameOf(visit, truth) {
  const true_ = truth?.visits[visit.id];
  if (!true_) return null;
  if (true_.arrived_at !== null) return { came_at: true_.arrived_at, late_s: visit.eta_at === null ? null : true_.arrived_at - visit.eta_at };
  return ["skipped", "cancelled", "served"].includes(true_.state) ? { ended: true_.state } : null;
}

// The visits that were expected next, over all runs, each with what came of it.
export function besideOf(picture, truth) {
  const expected = picture.runs.flatMap((run) => run.visits).filter((visit) => visit.eta_at !== null && visit.arrived_at === null);
  return expected.sort((a, b) => a.eta_at - b.eta_at || (a.id < b.id ? -1 : 1)).slice(0, MOST).map((visit) => ({ visit, came: cameOf(visit, truth) }));
}

const minutes = (late_s) => (late_s === null ? "" : ` (${late_s < 0 ? "−" : "+"}${Math.abs(Math.round(late_s / 60))} ${say("minutes")})`);

// In words: "expected 07:12, came 07:15 (+3 min)".
export function besideWord({ visit, came }, tools) {
  const told = say("past_expected", { at: tools.clock(visit.eta_at) });
  const true_ = came === null ? say("past_unknown") : came.ended ? say(`past_${came.ended}`) : `${say("past_came", { at: tools.clock(came.came_at) })}${minutes(came.late_s)}`;
  return say("past_both", { told, true: true_ });
}

const outside = ({ visit, came }) => came?.came_at !== undefined && visit.early_at !== null && (came.came_at < visit.early_at || came.came_at > visit.late_at);

// Of a visit that came outside of what was told at a moment: by how much, in words; "" where it came as told, or nobody knows.
export function outsideWord(visit, truth) {
  if (visit.eta_at === null || visit.arrived_at !== null) return "";
  const came = cameOf(visit, truth);
  return outside({ visit, came }) ? `◷ ${minutes(came.late_s).replace(/[()]/g, "").trim()}` : "";
}

// Of each room to which a truck came outside of what was told at a moment: by how much, in words, of the visit that was expected first.
export function outsideRooms(picture, truth) {
  const found = new Map();
  if (truth === null) return found;
  const expected = picture.runs.flatMap((run) => run.visits).filter((visit) => visit.eta_at !== null && visit.arrived_at === null);
  for (const visit of expected.sort((a, b) => b.eta_at - a.eta_at)) {
    const word = outsideWord(visit, truth);
    if (word) found.set(visit.room, word);
  }
  return found;
}

export function Beside({ picture, truth, tools }) {
  const rows = besideOf(picture, truth);
  if (!rows.length) return null;
  return html`<details class="past-beside" open><summary>${say("past_beside")}</summary><ul data-testid="past-beside">${rows.map((row) => html`<li key=${row.visit.id} class=${outside(row) ? "odd" : ""}>
    ${outside(row) ? html`<span class="shape" aria-hidden="true">◷ </span>` : null}<b>${named(row.visit.name)}</b> ${row.visit.truck}: ${besideWord(row, tools)}${outside(row) ? ` · ${say("past_outside")}` : ""}</li>`)}</ul></details>`;
}
