// What a person should look at: each alarm with its state, its guidance and what can be done with it.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { OWED } from "../line/lines.js";
import { Advice } from "./advice.js";

const ALARM = "POST /api/v1/alarms/{alarm_id}/", VISIT = "POST /api/v1/runs/{run_id}/visits/{room}/{number}/";
export const isAside = (row) => ["shelved", "out_of_service"].includes(row.state);
export const isUnseen = (row) => row.state === "unseen_active" || row.state === "gone_unseen";

// The alarms, and what is on the list and no alarm (yet); what was seen and is over in a moment is not listed.
export function listed(picture) {
  const alarms = picture.alarms ?? [], known = new Set(alarms.map((row) => row.about));
  const rows = [...alarms.map((row) => ({ ...row, id: row.about })), ...picture.attention.filter((row) => !known.has(row.id))];
  return rows.filter((row) => row.active !== false || row.state !== "seen_active");
}

export const owedOf = (row, picture) => (row.id.startsWith("owes/") ? picture.runs.find((run) => `owes/${run.run_id}` === row.id)?.visits.filter((visit) => OWED.includes(visit.state)) ?? [] : []);

// The sentence of a row: how much is owed now, runs, addressees and moments in the reader's words.
function sentence(row, owed, tools) {
  const values = { ...row.values, ...(owed.length ? { count: owed.length } : {}) };
  if (values.run) values.run = tools.runName(values.run);
  if (values.addressee) Object.assign(values, { addressee: say(`addressee_${values.addressee}`), at: values.at && tools.moment(values.at) });
  return say(row.word, values);
}

const state = (row, tools) => (row.state ? say(row.state, { until: tools.moment(row.until) }) + (row.who ? ` (${row.who}${row.why ? `: ${row.why}` : ""})` : "") : "");

function Deed({ row, deed, label, body = {}, why = false, tools }) {
  const reach = row.of_device || tools.me.roles.includes("dispatcher");
  if (!row.alarm_id || !reach || !tools.may(ALARM + deed)) return null;
  const press = async () => {
    const given = why ? await tools.ask(say("ask_take_out", { what: sentence(row, [], tools) }), { field: say("ask_why"), yes: say(label) }) : "";
    if (given !== null) await tools.act(`/api/v1/alarms/${row.alarm_id}/${deed}`, { version: row.version, ...body, ...(given ? { why: given } : {}) });
  };
  return html`<button data-testid=${`${label}-${row.about}`} onClick=${press}>${say(label)}</button> `;
}

function VisitDeeds({ id, picture, tools }) {
  const path = `/api/v1/runs/${id.split("/").map(encodeURIComponent).join("/").replace("/", "/visits/")}`;
  if (!tools.may(VISIT + "serve", { truck: picture.runs.find((run) => id.startsWith(`${run.run_id}/`))?.truck })) return null;
  return html`<button data-testid=${`serve-${id}`} onClick=${() => tools.act(`${path}/serve`, {})}>${say("serve")}</button> <button data-testid=${`skip-${id}`} onClick=${() => tools.act(`${path}/skip`, { reason: "other" })}>${say("come_back")}</button>`;
}

export function Alarm({ row, owed, picture, tools }) {
  const deed = (name, label, body, why) => html`<${Deed} row=${row} deed=${name} label=${label} body=${body} why=${why} tools=${tools} />`;
  if (isAside(row)) return html`<li class="quiet" data-testid=${`alarm-${row.id}`}>${`${sentence(row, owed, tools)} · ${state(row, tools)} `}${row.state === "shelved" ? deed("unshelve", "unshelve") : deed("back", "put_back")}</li>`;
  return html`<li class=${`${row.level} ${row.state ?? ""}`} data-testid=${`alarm-${row.id}`}><span class="shape" aria-hidden="true">${row.level === "severe" ? "◆" : "△"}</span> ${`${tools.moment(row.since)} ${sentence(row, owed, tools)} `}
    ${row.state ? html`<span class="quiet">${state(row, tools)}</span> ` : null}
    ${isUnseen(row) ? deed("see", "see") : null}
    ${row.id.startsWith("passed/") ? html`<${VisitDeeds} id=${row.id.slice("passed/".length)} picture=${picture} tools=${tools} />` : null}
    ${owed.length ? html`<ul>${owed.map((visit) => html`<li key=${visit.id}>${named(visit.name)} <${VisitDeeds} id=${visit.id} picture=${picture} tools=${tools} /></li>`)}</ul>` : null}
    <${Advice} word=${row.word}><p class="buttons">${deed("shelve", "shelve_1800", { shelf_s: 1800 })}${deed("shelve", "shelve_28800", { shelf_s: 28800 })}${deed("out-of-service", "take_out", {}, true)}</p><//></li>`;
}
