// The board of an incident: who is asked, what they said, since when, until when; and what whoever looks may say there.

import { person, writeNames } from "./names.js";

const ANSWER = "POST /api/v1/incidents/{incident_id}/answers/{addressee}/";
export const MINUTES = [5, 10, 15, 20, 30, 45, 60, 90, 120];
const SAYS = { // by state, in the order of the buttons
  told: ["seen", "promise", "done", "refuse"], seen: ["promise", "done", "refuse"],
  promised: ["done", "promise", "refuse"], late: ["done", "promise", "refuse"],
};

// What a row belongs to, as rights go by it: a firm, an estate, or nobody in particular.
const place = (incident, row) => (row.addressee === "contractor" ? { contractor: row.party } : row.addressee === "dispatcher" ? {} : { estate: incident.estate });

// What may be said of a row now, by whom `may` tells; the dispatcher's own answers are the incident's buttons.
export function says(may, incident, row) {
  if (row.ended_at !== null || !(row.state in SAYS)) return [];
  const said = row.addressee !== "dispatcher" ? SAYS[row.state] : row.state === "told" && incident.workflow === "in_progress" ? ["seen"] : [];
  const sets_out = row.addressee === "contractor" && row.on_the_way_at === null && ["seen", "promised", "late"].includes(row.state);
  return [...said, ...(sets_out ? ["on-the-way"] : [])].filter((deed) => may(ANSWER + deed, place(incident, row)));
}

// Whether a row waits unseen for whoever looks: what is theirs alone, not what a dispatcher could answer for others too.
export const waits = (may, deeds, incident, row) =>
  row.ended_at === null && row.state === "told" &&
  (row.addressee === "dispatcher" ? may("POST /api/v1/incidents/{incident_id}/acknowledge", incident) : Boolean(deeds[`${ANSWER}seen`]) && may(`${ANSWER}seen`, place(incident, row)));

function whom(tools, row) {
  const party = row.addressee === "contractor" ? row.party : "";
  return [tools.say(`addressee_${row.addressee}`), party, row.truck].filter(Boolean).join(" · ");
}

function stands(tools, row) {
  const { element, say, clock } = tools, names = row.told.at(-1)?.names ?? [];
  const facts = [say(row.unanswered_at && row.state === "told" ? "nobody" : row.in_vain ? "in_vain" : `answer_${row.state}`)];
  if (["promised", "late"].includes(row.state)) facts.push(`${say("until")} ${clock(row.until_at).slice(0, 5)}`);
  if (row.on_the_way_at !== null && row.state !== "done") facts.push(say("on_the_way"));
  if (row.broken) facts.push(`${say("broken")} ${row.broken}`);
  const who = row.state === "told" ? names : [row.who].filter(Boolean);
  const people = who.flatMap((id, at) => [at ? ", " : " · ", person(element, id)]);
  return [facts.join(" · "), ...people, row.why ? ` · ${row.why}` : "", " ", element("span", { class: "quiet", "data-since": row.since_at })];
}

function buttons(tools, incident, row) {
  const { element, say, act, may, clock } = tools;
  const send = (deed, more = {}) => act(`/api/v1/incidents/${encodeURIComponent(incident.incident_id)}/answers/${encodeURIComponent(row.id)}/${deed}?truck=${encodeURIComponent(incident.truck)}`, { version: row.version, ...more });
  const test = (deed) => `answer-${row.id}-${deed}-${incident.incident_id}`;
  return says(may, incident, row).flatMap((deed) => {
    if (deed !== "promise") return [element("button", { "data-testid": test(deed), onclick: () => send(deed) }, say(`say_${deed}`))];
    const chosen = element("select", { "aria-label": say("until"), "data-testid": test("until") }, ...MINUTES.map((minutes) => {
      const at = Math.ceil((tools.now() + minutes * 60) / 60) * 60;
      return element("option", { value: at }, `${clock(at).slice(0, 5)} (${minutes} ${say("minutes")})`);
    }));
    return [chosen, element("button", { class: "main", "data-testid": test("promise"), onclick: () => send("promise", { until_at: Number(chosen.value) }) }, say("say_promise"))];
  });
}

export function board(tools, incident, rows = incident.answers ?? []) {
  const { element } = tools;
  return element("ul", { class: "answers" }, ...rows.map((row) =>
    element("li", { class: `answer ${row.unanswered_at && row.state === "told" ? "nobody" : row.state}`, "data-testid": `answer-${row.id}-${incident.incident_id}` },
      element("b", {}, whom(tools, row)), element("span", {}, ...stands(tools, row)), element("span", { class: "buttons" }, ...buttons(tools, incident, row)))));
}

// The clocks run on between two changes.
export function runOn(part, since) {
  part.querySelectorAll("[data-since]").forEach((span) => (span.textContent = since(Number(span.dataset.since))));
  writeNames(part);
}
