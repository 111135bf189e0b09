// The column that is always there: open presses and alarms, what is aside, what was closed today.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { waits } from "../../frame/answers.js";
import { kept, steady } from "../kept.js";
import { Alarm, isAside, isUnseen, listed, owedOf } from "./alarms.js";
import { nthOf } from "./deeds.js";
import { Incident } from "./incidents.js";

const keyOf = (row) => `${row.truck}/${row.incident_id}`;
let placed = { incidents: [], alarms: [] };

// In the order of before while somebody's pointer is there, so that no button comes under it; what is over stays till it leaves.
function inOrder(name, rows, all, key, frozen) {
  const wanted = rows.map(key), at = new Map(all.map((row) => [key(row), row]));
  placed[name] = steady(placed[name], wanted, frozen).filter((one) => at.has(one));
  return placed[name].map((one) => at.get(one));
}

// What nobody has seen comes first, what is severe before what is not.
const urgency = (row) => (isUnseen(row) || !row.state ? 2 : 0) + (row.level === "severe" ? 1 : 0);

// What waits unseen for whoever looks: answers that are theirs, and alarms that a dispatcher sees to.
export function unseenOf(picture, tools) {
  const open = picture.incidents.filter((row) => row.open);
  const told = open.flatMap((row) => (row.answers ?? []).filter((one) => waits(tools.may, tools.me.deeds, row, one)).map((one) => ({ row, one })));
  const alarms = tools.may("POST /api/v1/alarms/{alarm_id}/see") ? listed(picture).filter(isUnseen) : [];
  return { count: new Set(told.map(({ row }) => keyOf(row))).size + alarms.length,
    sounds: !picture.old_since_at && told.some(({ one }) => picture.at - one.told_at >= (picture.limits.sound_s ?? Infinity)) };
}

export function Presses({ picture, tools, frozen, drawn }) {
  const open = inOrder("incidents", picture.incidents.filter((row) => row.open), picture.incidents, keyOf, frozen);
  const rows = listed(picture).sort((a, b) => urgency(b) - urgency(a)), aside = rows.filter(isAside), shown = rows.filter((row) => !isAside(row));
  const alarms = inOrder("alarms", shown, shown, (row) => row.id, frozen), closed = picture.incidents.filter((row) => !row.open && tools.day(row.raised_at) === tools.day(picture.at));
  return html`<section id="incidents-part"><h2>${say("incidents")}</h2><div id="incidents" data-testid="incidents">${open.length ? open.map((row) => {
      const nth = nthOf(row, picture.incidents);
      return kept(`incident/${keyOf(row)}`, [row, nth, drawn], () => html`<${Incident} key=${keyOf(row)} row=${row} nth=${nth} tools=${tools} />`);
    }) : html`<p class="quiet">${say("no_incidents")}</p>`}</div>
    <ul id="attention">${alarms.map((row) => {
      const owed = owedOf(row, picture);
      return kept(`alarm/${row.id}`, [JSON.stringify(row), drawn, ...owed], () => html`<${Alarm} key=${row.id} row=${row} owed=${owed} picture=${picture} tools=${tools} />`);
    })}</ul>
    <details id="aside" data-testid="aside" hidden=${!aside.length}><summary>${`${say("aside")} (${aside.length})`}</summary><ul>${aside.map((row) => html`<${Alarm} key=${row.id} row=${row} owed=${[]} picture=${picture} tools=${tools} />`)}</ul></details>
    ${closed.length ? html`<details class="over" data-testid="incidents-over"><summary>${`${say("closed_today")} (${closed.length})`}</summary><ul>${closed.map((row) => html`<li key=${keyOf(row)}><a href=${`#/?level=raw&incident=${encodeURIComponent(row.incident_id)}`}>${`${tools.clock(row.raised_at)} ${row.truck} · ${say(row.reason)}`}</a>${` ${[named(row.room_name), say(row.workflow), row.decision && say(row.decision)].filter(Boolean).join(" · ")}`}</li>`)}</ul></details>` : null}</section>`;
}
