// What stands still, on a canvas: ground, streets, estates, rooms and all labels but those of trucks.

import { metres, placed } from "./geometry.js";
import { MARKS } from "./states.js";

const FONT = 'system-ui, "Noto Sans CJK SC", "WenQuanYi Zen Hei", sans-serif';
const STREET_M = 9; // a street is drawn so wide, within bounds in pixels
const TONES = ["ink", "quiet", "line", "paper", "street", "estate", "warn", "alarm", "blue", "ground"];

// The colours as the page's style has them now (`--map-NAME`), resolved for light or dark.
export function tones(part) {
  const probe = document.createElement("i");
  part.append(probe);
  const found = Object.fromEntries(TONES.map((name) => {
    probe.style.color = `var(--map-${name})`;
    return [name, getComputedStyle(probe).color];
  }));
  probe.remove();
  return found;
}

export const measurer = (context) => {
  const known = new Map();
  return (text, px, bold) => {
    const key = `${px}${bold}${text}`;
    if (!known.has(key)) {
      context.font = `${bold ? 600 : 400} ${px}px ${FONT}`;
      known.set(key, context.measureText(text).width);
    }
    return known.get(key);
  };
};

// Where trucks drove, one pixel for a cell, to be drawn large: darker where more of them did.
export function heat({ cells, cell_deg }, colour) {
  if (!cells.length) return null;
  let [south, west, north, east, most] = [Infinity, Infinity, -Infinity, -Infinity, 1];
  for (const [row, column, count] of cells) {
    south = Math.min(south, row), north = Math.max(north, row), west = Math.min(west, column), east = Math.max(east, column);
    most = Math.max(most, count);
  }
  const width = east - west + 1, height = north - south + 1;
  if (width * height > 4e6) return null; // places far apart are no ground
  const image = Object.assign(document.createElement("canvas"), { width, height }), context = image.getContext("2d");
  context.fillStyle = colour;
  for (const [row, column, count] of cells) {
    context.globalAlpha = 0.25 + (0.75 * Math.log1p(count)) / Math.log1p(most);
    context.fillRect(column - west, north - row, 1, 1);
  }
  const corner = placed((north + 0.5) * cell_deg, (west - 0.5) * cell_deg), other = placed((south - 0.5) * cell_deg, (east + 0.5) * cell_deg);
  return { image, corner, other };
}

// Points with the box that they lie in, so that only what is seen is drawn.
export function boxed(points) {
  const xs = points.map((one) => one.x), ys = points.map((one) => one.y);
  return { points, west: Math.min(...xs), east: Math.max(...xs), north: Math.min(...ys), south: Math.max(...ys) };
}

function* seenOf(all, view) {
  const a = view.world(-20, -20), b = view.world(view.width + 20, view.height + 20);
  for (const one of all) if (one.east >= a.x && one.west <= b.x && one.south >= a.y && one.north <= b.y) yield one;
}

function trace(context, view, points) {
  context.beginPath();
  const { x, y, scale, width, height } = view;
  for (let i = 0; i < points.length; i += 1) context[i ? "lineTo" : "moveTo"]((points[i].x - x) * scale + width / 2, (points[i].y - y) * scale + height / 2);
}

// A shape of so many pixels around a place, put into a path.
export function shape(path, kind, x, y, r) {
  if (kind === "dot" || kind === "ring" || kind === "halo" || kind === "speck") path.moveTo(x + r, y), path.arc(x, y, r, 0, 7);
  else if (kind === "square") path.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else if (kind === "triangle") path.moveTo(x, y - r * 1.15), path.lineTo(x + r * 1.1, y + r * 0.8), path.lineTo(x - r * 1.1, y + r * 0.8), path.closePath();
  else if (kind === "diamond") path.moveTo(x, y - r * 1.25), path.lineTo(x + r * 1.25, y), path.lineTo(x, y + r * 1.25), path.lineTo(x - r * 1.25, y), path.closePath();
  else path.moveTo(x - r, y - r), path.lineTo(x + r, y + r), path.moveTo(x + r, y - r), path.lineTo(x - r, y + r);
}

const FILLED = { triangle: true, square: true, speck: true };

// Draws all of it: `scene` has streets and estates (as `boxed` gives them), heat, marks [{x, y, r, shape, tone}], labels as placed, and the cross in the middle.
export function paint(context, view, scene, colours, ratio, px) {
  const { width, height, scale } = view, pixel = metres(view.y) / scale;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.lineJoin = context.lineCap = "round";
  if (scene.heat) {
    const [left, top] = view.screen(scene.heat.corner), [right, bottom] = view.screen(scene.heat.other);
    context.globalAlpha = 0.8;
    context.drawImage(scene.heat.image, left, top, right - left, bottom - top);
    context.globalAlpha = 1;
  }
  context.fillStyle = colours.estate;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  for (const estate of seenOf(scene.estates, view)) {
    trace(context, view, estate.points);
    context.closePath();
    context.fill();
    context.stroke();
  }
  // One small path after another: strokes of one huge path take a hundred times as long.
  const wide = Math.max(1.2, Math.min(14, STREET_M / pixel)), cased = wide >= 2;
  for (const [colour, more] of cased ? [[colours.line, 2], [colours.street, 0]] : [[colours.line, 0]]) {
    context.strokeStyle = colour;
    context.lineWidth = wide + more;
    for (const street of seenOf(scene.streets, view)) trace(context, view, street.points), context.stroke();
  }
  if (scene.closed.length) {
    context.strokeStyle = colours.warn;
    context.lineWidth = wide + 1;
    context.setLineDash([8, 6]);
    context.beginPath();
    for (const ends of scene.closed) ends.forEach((end, i) => context[i ? "lineTo" : "moveTo"](...view.screen(end)));
    context.stroke();
    context.setLineDash([]);
  }
  marks(context, view, scene.marks, scene.stamps, colours, px, ratio);
  texts(context, scene.labels, colours, px);
  if (scene.cross) {
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) context.moveTo(width / 2 + 5 * dx, height / 2 + 5 * dy), context.lineTo(width / 2 + 14 * dx, height / 2 + 14 * dy);
    context.stroke();
  }
}

// A mark is drawn once for each shape, colour and size, and stamped from then on: thousands cost as little as a few.
function marks(context, view, all, stamps, colours, px, ratio) {
  for (const mark of all) {
    const [x, y] = view.screen(mark);
    if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
    const key = `${mark.shape} ${mark.tone} ${mark.r}`;
    if (!stamps.has(key)) stamps.set(key, stamp(mark, colours, px, ratio));
    const { image, half } = stamps.get(key);
    context.drawImage(image, Math.round((x - half) * ratio) / ratio, Math.round((y - half) * ratio) / ratio, 2 * half, 2 * half);
  }
}

function stamp({ shape: kind, tone, r }, colours, px, ratio) {
  const half = Math.ceil(r * 1.4 + px / 8 + 2), side = Math.ceil(2 * half * ratio);
  const canvas = new OffscreenCanvas(side, side), context = canvas.getContext("2d"), path = new Path2D();
  context.scale(side / (2 * half), side / (2 * half));
  shape(path, kind, half, half, r);
  context.lineJoin = context.lineCap = "round";
  const filled = FILLED[kind] || tone === "alarm";
  context.fillStyle = filled ? colours[tone] : colours.paper;
  context.strokeStyle = filled ? colours.paper : colours[tone];
  context.lineWidth = kind === "cross" ? px / 6 : kind === "speck" ? 0.5 : Math.max(1.5, px / 10);
  if (kind === "cross") context.strokeStyle = colours[tone];
  else if (kind !== "halo") context.fill(path);
  context.stroke(path);
  return { image: canvas.transferToImageBitmap(), half };
}

function texts(context, labels, colours, px) {
  context.textBaseline = "middle";
  context.strokeStyle = colours.paper;
  context.lineWidth = Math.max(3, px / 5);
  for (const bold of [false, true]) {
    context.font = `${bold ? 600 : 400} ${px}px ${FONT}`;
    for (const label of labels) {
      if (!label.text || Boolean(label.bold) !== bold) continue;
      context.fillStyle = colours[label.tone];
      context.strokeText(label.text, label.left, label.top + label.h / 2);
      context.fillText(label.text, label.left, label.top + label.h / 2);
    }
  }
}

export const markOf = (state, px) => ({ ...MARKS[state], r: Math.max(3.5, px * (state === "calm" ? 0.26 : 0.4)) });
