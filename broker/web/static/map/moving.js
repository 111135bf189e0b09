// What moves, as SVG over the canvas: trucks with their true fix, and open presses. Only what is seen and moved is touched.

import { glide } from "./glide.js";
import { truckState } from "./states.js";

const MOVED_PX = 0.5, SVG = "http://www.w3.org/2000/svg";
const EDGE_PX = 60;
const made = (name, attributes = {}) => {
  const part = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
  return part;
};
const write = (part, name, value) => part.getAttribute(name) !== value && part.setAttribute(name, value);

// `lineOf(row, picture)` has the way of a truck's run and how far along it is.
export function movers(svg, view, lineOf) {
  const trucks = new Map();
  let times = 1; // how much larger than beside a text of 16 px

  function begin(row) {
    const group = made("g", { class: "truck", "data-testid": `map-truck-${row.truck}` });
    const tie = made("line", { class: "tie" }), fix = made("circle", { class: "fix", r: 2.5 }), turned = made("g");
    const halo = made("circle", { class: "halo", r: 15 }), body = made("path", { class: "body" }), text = made("text");
    turned.append(body);
    group.append(halo, turned, text);
    const held = { group, tie, fix, turned, halo, body, text, glide: glide(), row: null, left: null, top: null, hidden: false, state: "", label: null, said: "" };
    svg.append(tie, fix, group);
    return held;
  }

  function end(name, held) {
    for (const part of [held.group, held.tie, held.fix]) part.remove();
    trucks.delete(name);
  }

  // The newest rows; a row that is the very same as before costs nothing.
  function told(picture) {
    const seen = new Set();
    for (const row of picture.trucks) {
      if (row.lat === null || row.lat === undefined) continue;
      seen.add(row.truck);
      let held = trucks.get(row.truck);
      if (!held) trucks.set(row.truck, (held = begin(row)));
      if (held.row === row) continue;
      const before = held.row;
      held.row = row;
      if (!before || before.fix_at !== row.fix_at || before.lat !== row.lat || before.lon !== row.lon || before.run_id !== row.run_id) {
        const { way, along } = lineOf(row, picture);
        held.glide.told(row, way, along);
      }
      held.state = truckState(row);
      write(held.group, "class", `truck ${held.state}`);
    }
    for (const [name, held] of trucks) if (!seen.has(name)) end(name, held);
  }

  // Puts every truck where it is by now; `anew` where the view is another.
  function move(now, still, anew) {
    for (const held of trucks.values()) {
      const place = still ? { ...held.glide.place(), bearing: null, fix: held.glide.place() } : held.glide.at(now);
      const [left, top] = view.screen(place);
      held.world = place;
      const hidden = left < -EDGE_PX || top < -EDGE_PX || left > view.width + EDGE_PX || top > view.height + EDGE_PX;
      if (hidden !== held.hidden) {
        held.hidden = hidden;
        for (const part of [held.group, held.tie, held.fix]) part.style.display = hidden ? "none" : "";
      }
      if (hidden || (!anew && Math.abs(left - held.left) < MOVED_PX && Math.abs(top - held.top) < MOVED_PX && held.fixed === place.fix)) continue;
      Object.assign(held, { left, top, fixed: place.fix });
      held.group.setAttribute("transform", `translate(${left.toFixed(1)} ${top.toFixed(1)})`);
      const turn = place.bearing === null ? "" : `rotate(${Math.round(place.bearing)})`;
      write(held.turned, "transform", `${turn} scale(${times})`);
      write(held.body, "d", turn ? "M0-11 8 8 0 4-8 8Z" : "M0-8A8 8 0 1 1 0 8 8 8 0 1 1 0-8Z");
      const [x, y] = view.screen(place.fix), apart = Math.hypot(x - left, y - top) > 3;
      held.fix.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
      for (const [name, value] of [["x1", left], ["y1", top], ["x2", apart ? x : left], ["y2", apart ? y : top]]) write(held.tie, name, value.toFixed(1));
    }
  }

  // Writes the text of each truck where it has a place beside it (`places`: id -> {text, dx, dy}), and nothing where it has none.
  function say(places, selected) {
    for (const [name, held] of trucks) {
      const spot = places.get(name), text = spot?.text ?? "";
      if (held.said !== text) held.text.textContent = held.said = text;
      if (spot) write(held.text, "x", spot.dx.toFixed(1)), write(held.text, "y", spot.dy.toFixed(1));
      held.group.classList.toggle("selected", name === selected);
    }
  }

  return { told, move, say, all: trucks, size: (px) => (times = px / 16) };
}
