// The leads as a histogram by uPlot, a bar for each half minute, the band that is meant marked behind them.

import uPlot from "/static/vendored/uplot-1.6.32.js";
import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { colourOf, repainted } from "../frame/colours.js";
import { minutes } from "./call.js";
import { say } from "../frame/words.js";

const HEIGHT_PX = 230, LEAST_PX = 200, STEP_S = 30, SHOWN_FROM_S = 480, SHOWN_TO_S = 1560;
let plot = null, of = null;

export const Leads = ({ shown }) => html`<figure><div id="leads" role="img" aria-label=${say("leads_chart")}></div><figcaption>${say("band", { least: shown.least_s / 60, most: shown.most_s / 60 })}</figcaption></figure>
  <details><summary>${say("as_table")}</summary><div class="scroll" tabindex="0" role="region" aria-label=${say("leads")}><table data-testid="leads"><thead><tr><th scope="col">${say("head_lead_minutes")}</th><th scope="col" class="number">${say("head_calls")}</th></tr></thead><tbody>${shown.leads.map((row) => html`<tr key=${row.from_s}><th scope="row">${minutes(row.from_s)}–${minutes(row.from_s + STEP_S)}</th><td class="number">${row.calls}</td></tr>`)}</tbody></table></div></details>`;

// The half minutes that are drawn: what there is, and at least those around the band; each by its middle, in minutes.
export function drawnOf(leads) {
  const starts = leads.map((row) => row.from_s), from = Math.min(SHOWN_FROM_S, ...starts), to = Math.max(SHOWN_TO_S, ...starts), counts = new Map(leads.map((row) => [row.from_s, row.calls]));
  const steps = [...Array((to - from) / STEP_S + 1).keys()].map((place) => from + place * STEP_S);
  return [steps.map((step) => (step + STEP_S / 2) / 60), steps.map((step) => counts.get(step) ?? 0)];
}

function paint(box, shown) {
  plot?.destroy();
  const ink = colourOf(box, "quiet"), line = colourOf(box, "line"), bar = colourOf(box, "blue"), band = colourOf(box, "band"), data = drawnOf(shown.leads);
  const marked = (one) => {
    const left = one.valToPos(shown.least_s / 60, "x", true), right = one.valToPos(shown.most_s / 60, "x", true);
    one.ctx.fillStyle = band;
    one.ctx.fillRect(left, one.bbox.top, right - left, one.bbox.height);
  };
  plot = new uPlot({
    width: Math.max(LEAST_PX, box.clientWidth), height: HEIGHT_PX, legend: { show: false }, cursor: { show: false }, padding: [10, 8, 0, 0],
    scales: { x: { time: false, range: [data[0][0] - 0.25, data[0].at(-1) + 0.25] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    axes: [{ stroke: ink, grid: { show: false }, ticks: { stroke: line }, incrs: [1, 2, 5], label: say("head_lead_minutes"), labelSize: 20, labelFont: "12px system-ui", font: "12px system-ui" }, { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], size: 46, font: "12px system-ui" }],
    series: [{}, { fill: bar, stroke: bar, width: 0, paths: uPlot.paths.bars({ size: [0.85, 60] }), points: { show: false } }],
    hooks: { drawClear: [marked] },
  }, data, box);
}

export function drawn(shown) {
  const box = document.getElementById("leads");
  if (!box || !shown) return;
  of = shown;
  paint(box, shown);
}

repainted(() => drawn(of));
