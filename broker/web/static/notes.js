// What the crew found in the bins that does not belong there: said beside a run, of a room that its truck has been at.

const NOTE = "POST /api/v1/runs/{run_id}/visits/{room}/{number}/note";
const GRADES = [1, 2, 3, 0], FOUND = ["", "residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation", "other"];

const title = (tools, visit) => `${visit.visit_number > 1 ? `${visit.visit_number}× ` : ""}${tools.named(visit.name)}`;
const told = (tools, visit) => `${title(tools, visit)}: ${tools.say(`grade_${visit.contamination}`)}${visit.contaminant ? ` (${tools.say(`found_${visit.contaminant}`)})` : ""}`;

function form(tools, run, been) {
  const { element, say, act } = tools;
  const pick = (name, options) => element("label", {}, `${say(`note_${name}`)} `, element("select", { "data-testid": `note-${name}-${run.run_id}`, name }, ...options.map(([value, label]) => element("option", { value }, label))));
  const part = element("details", { class: "closing", "data-testid": `note-${run.run_id}` }, element("summary", {}, say("note")),
    pick("room", been.map((visit) => [visit.id, title(tools, visit)]).reverse()), // the last one first
    pick("grade", GRADES.map((grade) => [grade, say(`grade_${grade}`)])), pick("found", FOUND.map((one) => [one, one ? say(`found_${one}`) : say("none")])));
  part.append(element("button", { class: "main", "data-testid": `note-send-${run.run_id}`, onclick: async () => {
    const [id, grade, found] = [...part.querySelectorAll("select")].map((select) => select.value), visit = been.find((one) => one.id === id);
    const path = `/api/v1/runs/${encodeURIComponent(run.run_id)}/visits/${encodeURIComponent(visit.room)}/${visit.visit_number}/note`;
    if (await act(path, { grade: Number(grade), found: grade === "0" ? null : found || null })) part.open = false;
  } }, say("note_send")));
  return part;
}

// Below a run's head: what was noted, and the form for whoever may; written anew only when rooms, notes or words are others.
export function noting(head, tools, run) {
  const been = run.visits.filter((visit) => visit.arrived_at !== null || visit.left_at !== null || visit.state === "served");
  const mine = tools.may(NOTE, { truck: run.truck });
  const signature = JSON.stringify([document.documentElement.lang, mine, been.map((visit) => [visit.id, visit.contamination, visit.contaminant])]);
  const old = head.querySelector(".notes");
  if (old?.dataset.signature === signature) return;
  const part = tools.element("div", { class: "notes", "data-signature": signature });
  const noted = been.filter((visit) => visit.contamination);
  if (noted.length) part.append(tools.element("p", { "data-testid": `noted-${run.run_id}` }, `${tools.say("noted")}: ${noted.map((visit) => told(tools, visit)).join(" · ")}`));
  if (mine && been.length) {
    const made = form(tools, run, been), before = old?.querySelector("details");
    if (before) { // a truck that has been at one more room takes nothing away from whoever is writing
      made.open = before.open;
      for (const select of before.querySelectorAll("select")) made.querySelector(`[name=${select.name}]`).value = select.value;
    }
    part.append(made);
  }
  if (old) old.replaceWith(part);
  else head.append(part);
}
