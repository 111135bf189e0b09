// A sheet as a chart by uPlot. What is drawn stands in the table beside it too; colours are the style sheet's.

import uPlot from "/static/vendored/uplot-1.6.32.js";
import { colourOf, repainted } from "../frame/colours.js";
import { isDay } from "../frame/span.js";

export const COLOURS = 8;
const HEIGHT_PX = 220, DAY_PX = 36, LEAST_PX = 200, STEPS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((ten) => [ten, 2 * ten, 5 * ten]); // of what is counted in whole
const charts = new Map(); // box: {plot, of, width}

export const charted = (sheet) => sheet.rows.some((row) => row.slice(1, sheet.drawn + 1).some((value) => value !== null && value !== 0));

// What is drawn of a sheet: {name, values} by column; of many the largest, and where they stand upon each other the rest.
export function series(sheet, others, most = COLOURS) {
  const all = [...Array(sheet.drawn).keys()].map((place) => ({ name: sheet.heads[place + 1], values: sheet.rows.map((row) => row[place + 1]) }));
  if (all.length <= most) return all;
  const stacked = sheet.chart === "stacked", sum = (one) => one.values.reduce((whole, value) => whole + (value ?? 0), 0);
  const largest = new Set([...all].sort((one, other) => sum(other) - sum(one)).slice(0, stacked ? most - 1 : most));
  const rest = all.filter((one) => !largest.has(one));
  return [...all.filter((one) => largest.has(one)), ...(stacked ? [{ name: others, values: sheet.rows.map((_, row) => added(rest, row)) }] : [])];
}

const added = (some, row) => (some.every((one) => one.values[row] === null) ? null : some.reduce((sum, one) => sum + (one.values[row] ?? 0), 0));

// Each with those before it.
export const upon = (some) => some.map((one, place) => ({ ...one, values: one.values.map((_, row) => added(some.slice(0, place + 1), row)) }));

// A day without its year, a name as far as it has room; how wide a name is: Chinese is twice as wide.
const LONGEST = 84;
const short = (name) => (isDay(name) ? name.slice(5) : wide(name) <= LONGEST ? name : `${[...name].reduce((all, letter) => (wide(all + letter) <= LONGEST - 8 ? all + letter : all), "")}…`);
const wide = (name) => [...name].reduce((sum, letter) => sum + (letter > "\u2e80" ? 12 : 7), 0);

function options(box, sheet, some, width) {
  const ink = colourOf(box, "quiet"), line = colourOf(box, "line"), names = sheet.rows.map((row) => row[0]), stacked = sheet.chart === "stacked", lines = sheet.chart === "lines";
  const days = isDay(names[0]), room = (width - 70) / names.length, step = days ? Math.max(1, Math.ceil(DAY_PX / room)) : 1;
  const upright = !days && names.some((name) => wide(name) > room); // names that have no room side by side stand
  const shades = some.map((_, place) => colourOf(box, `c${place + 1}`));
  const bars = (place) => (stacked ? uPlot.paths.bars({ size: [0.7, 60] }) : uPlot.paths.bars({ size: [0.8 / some.length, 60], align: some.length === 1 ? 0 : 1, gap: 0, ...(some.length > 1 ? { disp: { x0: { unit: 1, values: (_, __, from, to) => span(from, to, (row) => row - 0.4 + (0.8 * place) / some.length) }, size: { unit: 1, values: (_, __, from, to) => span(from, to, () => 0.8 / some.length) } } } : {}) }));
  const drawn = some.map(({ name }, place) => ({ label: name, stroke: shades[place], width: lines ? 2 : 0, ...(lines ? { points: { show: true, size: 6, fill: shades[place] }, dash: place > 3 ? [6, 4] : undefined } : { fill: shades[place], paths: bars(place), points: { show: false } }) }));
  const percent = sheet.unit === "%", whole = sheet.rows.every((row) => row.slice(1, sheet.drawn + 1).every((value) => Number.isInteger(value ?? 0)));
  return {
    width, height: upright ? HEIGHT_PX + 50 : HEIGHT_PX, padding: [10, 8, 0, 0], legend: { show: false }, cursor: { show: false },
    scales: { x: { time: false, range: [-0.5, Math.max(0.5, names.length - 0.5)] }, y: { range: (_, least, most) => [percent && lines ? Math.min(50, Math.floor((least ?? 0) / 10) * 10) : Math.min(0, least ?? 0), percent ? 100 : Math.max(1, (most ?? 0) * 1.05)] } },
    axes: [
      { stroke: ink, grid: { show: false }, ticks: { stroke: line }, splits: () => [...names.keys()].filter((place) => place % step === 0), values: (_, splits) => splits.map((place) => short(names[place])), ...(upright ? { rotate: -90, size: 96 } : {}), font: "12px system-ui, sans-serif" },
      { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 58, ...(whole ? { incrs: STEPS } : {}), font: "12px system-ui, sans-serif", values: (_, splits) => splits.map((value) => value.toLocaleString("en-GB")) },
    ],
    // The highest of a stack is drawn first, so that each lower one stands before it.
    series: [{}, ...(stacked ? drawn.reverse() : drawn)],
  };
}

const span = (from, to, of) => [...Array(to - from + 1).keys()].map((place) => of(from + place));

function paint(box, { sheet, others }) {
  charts.get(box)?.plot.destroy();
  const some = series(sheet, others), width = widthOf(box), shown = sheet.chart === "stacked" ? upon(some).reverse() : some;
  const data = [sheet.rows.map((_, place) => place), ...shown.map((one) => one.values)];
  charts.set(box, { plot: new uPlot(options(box, sheet, some, width), data, box), of: { sheet, others }, width });
  box.nextElementSibling.replaceChildren(...(some.length > 1 ? some.map(({ name }, place) => mark(name, place)) : []));
}

const widthOf = (box) => Math.max(LEAST_PX, box.clientWidth);

function mark(name, place) {
  const item = document.createElement("span");
  item.className = `mark c${place + 1}`;
  item.textContent = name;
  return item;
}

// Which sheet a box is to show; it is painted by `drawn`, once the box is on the page and has a width.
const sheets = new WeakMap();
export const holds = (box, sheet, others) => void (box && sheets.set(box, { sheet, others }));

export function drawn() {
  for (const [box, { plot }] of charts) if (!box.isConnected) (plot.destroy(), charts.delete(box));
  for (const box of document.querySelectorAll(".chart")) {
    const of = sheets.get(box), was = charts.get(box);
    if (was?.of.sheet !== of.sheet || was.width !== widthOf(box)) paint(box, of);
  }
}

repainted(() => [...charts].forEach(([box, { of }]) => paint(box, of)));
