// What the crew found in the bins that does not belong there: said beside a run, of a room that its truck has been at.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";

const NOTE = "POST /api/v1/runs/{run_id}/visits/{room}/{number}/note";
const GRADES = [1, 2, 3, 0], FOUND = ["", "residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation", "other"];

const title = (visit) => `${visit.visit_number > 1 ? `${visit.visit_number}× ` : ""}${named(visit.name)}`;
const told = (visit) => `${title(visit)}: ${say(`grade_${visit.contamination}`)}${visit.contaminant ? ` (${say(`found_${visit.contaminant}`)})` : ""}`;

async function note(event, run, been, tools) {
  event.preventDefault();
  const form = event.target, { room, grade, found } = form.elements, visit = been.find((one) => one.id === room.value);
  const path = `/api/v1/runs/${encodeURIComponent(run.run_id)}/visits/${encodeURIComponent(visit.room)}/${visit.visit_number}/note`;
  const done = await tools.act(path, { grade: Number(grade.value), found: grade.value === "0" ? null : found.value || null });
  if (done) form.closest("details").open = false;
}

// Whoever may says it by a form; a truck that has been at one more room takes nothing away from whoever is writing.
export function Notes({ run, tools }) {
  const been = run.visits.filter((visit) => visit.arrived_at !== null || visit.left_at !== null || visit.state === "served");
  const noted = been.filter((visit) => visit.contamination), may = tools.may(NOTE, { truck: run.truck }) && been.length > 0;
  if (!noted.length && !may) return null;
  const pick = (name, options) => html`<label>${`${say(`note_${name}`)} `}<select name=${name} data-testid=${`note-${name}-${run.run_id}`}>${options.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></label>`;
  return html`<div class="notes">${noted.length ? html`<p class="warn" data-testid=${`noted-${run.run_id}`}>${`${say("noted")}: ${noted.map(told).join(" · ")}`}</p>` : null}
    ${may ? html`<details class="closing" data-testid=${`note-${run.run_id}`}><summary>${say("note")}</summary><form onSubmit=${(event) => note(event, run, been, tools)}>
      ${pick("room", been.map((visit) => [visit.id, title(visit)]).reverse())}${pick("grade", GRADES.map((grade) => [grade, say(`grade_${grade}`)]))}
      ${pick("found", FOUND.map((one) => [one, one ? say(`found_${one}`) : say("none")]))} <button class="main" data-testid=${`note-send-${run.run_id}`}>${say("note_send")}</button></form></details>` : null}</div>`;
}
