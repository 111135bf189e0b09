// Teaching a route: while it is driven for the first time the driver says "this is a stop", and the list goes to
// `python3 -m broker teach --marks` as a file, beside the positions that the truck itself has told.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { me } from "/static/frame/visitor.js";
import { say } from "/static/frame/words.js";

const rows_of = (it) => it.marks.map((mark) => [Math.round((mark.made_ms + (mark.off_ms ?? 0)) / 1000), Math.round((mark.off_ms ?? 0) / 1000), mark.truck]);
const file_of = (it) => `data:text/csv;charset=utf-8,${encodeURIComponent([["acted_at", "clock_off_s", "truck"], ...rows_of(it)].map((row) => `${row.join(",")}\n`).join(""))}`;

export function Teach({ it }) {
  if (me.kind !== "account" || it.truck === null) return null;
  const last = rows_of(it).at(-1);
  return html`<details class="teach" data-testid="teach"><summary class="big">${say("teach")}</summary>
    <p>${say("teach_how")}</p>
    <button class="big main" data-testid="mark" onClick=${() => it.mark([...it.marks, { made_ms: Date.now(), off_ms: it.heard.off_ms, truck: it.truck }])}>${say("mark")}</button>
    <p class="large" role="status" data-testid="marks">${say("marks", { count: it.marks.length })}${last ? ` ${say("last_mark", { at: it.time(last[0]) })}` : ""}</p>
    ${it.marks.length === 0 ? null : html`<div class="deeds"><button class="big" data-testid="unmark" onClick=${() => it.mark(it.marks.slice(0, -1))}>${say("unmark")}</button>
      <a class="big" data-testid="marks-file" download=${`marks-${it.truck}.csv`} href=${file_of(it)}>${say("marks_file")}</a>
      <button class="big" data-testid="marks-over" onClick=${() => it.sheet({ kind: "marks", title: "", send: () => it.mark([]) })}>${say("marks_over")}</button></div>`}
  </details>`;
}
