// What the scenario expects, as it stands now; and what was done, which one click saves as a scenario.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { clock, reasons, run, tell } from "./run.js";
import { inWords, say } from "./words.js";

const MARKS = { waiting: "·", held: "✓", failed: "✕", not_judged: "–" };
const SHOWN = 2; // reasons; the others are folded away
const ASKED = ["truck", "room", "device", "reason"];

export function Expectations() {
  return html`<section class="card"><h2>${say("expectations")}</h2><ul class="expectations" aria-live="polite">
    ${run.now.expectations.map((each) => {
      const asks = ASKED.map((name) => each.asks[name]).filter(Boolean).join(" ");
      return html`<li class=${each.state} data-testid=${`expect-${each.kind}`} data-state=${each.state}><i aria-hidden="true">${MARKS[each.state]}</i>
        <p><b>${say(`expect_${each.kind}`)}</b>${asks ? ` ${asks}` : ""} <span class="state">${say(each.state)}</span>
        <small>${inWords(each.seen)}</small>${each.why.slice(0, SHOWN).map((why) => html`<small class="why">${inWords(why)}</small>`)}</p>
        ${each.why.length > SHOWN ? html`<details><summary>${say("more", { number: each.why.length - SHOWN })}</summary>${each.why.slice(SHOWN).map((why) => html`<small class="why">${inWords(why)}</small>`)}</details>` : ""}</li>`;
    })}</ul></section>`;
}

export async function save() {
  const answer = await fetch("/scenario.toml").catch((why) => why);
  if (!(answer instanceof Response)) return tell([say("unreachable")]);
  if (!answer.ok) return tell([say("not_saved"), ...(await reasons(answer))]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${run.scene.name}-played.toml`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// What a person is asked to do with hardware, the newest first.
export function ByHand() {
  const asked = [...run.now.by_hand].reverse();
  const sentence = ({ word, gaps }) => say(word, "waste" in gaps ? { ...gaps, waste: say(gaps.waste) } : gaps);
  return asked.length ? html`<section class="card"><h2>${say("by_hand")}</h2><ol class="deeds" role="log" data-testid="by-hand">${asked.map((each) => html`<li><time>${clock(each.at)}</time> ${sentence(each)}</li>`)}</ol></section>` : "";
}

export function Done() {
  const deeds = [...run.now.deeds].reverse();
  return html`<section class="card"><h2>${say("done")}</h2><ol class="deeds">${deeds.map((deed) => html`<li><time>${clock(deed.at)}</time> ${what(deed)}
      ${deed.ended_at === null ? html`<b class="count">${say("still_on")}</b>` : ""}</li>`)}</ol>
    ${deeds.length ? "" : html`<p class="quiet">${say("nothing_done")}</p>`}</section>`;
}

function what({ kind, values }) {
  const whom = values.truck ?? values.pile ?? values.room ?? values.device ?? values.alarm?.split(" ").slice(1).join(" ") ?? "";
  const gaps = { whom, from: values.from ?? "", waste: say(values.waste ?? ""), number: values.number, kg: values.kg, s: Number(values.hold_s ?? 0).toFixed(1), button: say(values.button ?? ""), action: say(`screen_${values.action}`) };
  return kind in FAULT_KINDS() ? `${say(`fault_${kind}`)} ${whom}` : say(`did_${kind}`, gaps);
}

const FAULT_KINDS = () => Object.fromEntries(run.scene.faults.map((each) => [each.fault, true]));
