// What part of the world is seen, and how mouse, wheel, fingers and keys move it.

import { metres } from "./geometry.js";

const STEP = 0.15; // of the window, for an arrow key
const ZOOM = 1.5; // for a key or a button
const CLOSEST_M = 0.1; // a pixel is never less
const FAR = 0.25; // and what is drawn never smaller than this share of the window
const TAP_PX = 6;
const WHOLE = 0.7; // of the window's height: the page is the map

// `view` has the centre (x, y), `scale` (pixels for one unit of the world), `width` and `height`; `changed()` is called after each move.
export function viewOn(part, changed) {
  const view = { x: 0.5, y: 0.5, scale: 1, width: 0, height: 0, home: null, moved: false };
  const limit = () => {
    const most = metres(view.y) / CLOSEST_M, least = view.home ? FAR * view.home.scale : 1;
    view.scale = Math.min(most, Math.max(least, view.scale));
  };
  view.screen = ({ x, y }) => [(x - view.x) * view.scale + view.width / 2, (y - view.y) * view.scale + view.height / 2];
  view.world = (left, top) => ({ x: view.x + (left - view.width / 2) / view.scale, y: view.y + (top - view.height / 2) / view.scale });
  view.size = (width, height) => {
    Object.assign(view, { width, height });
    if (!view.moved && view.home) view.all();
  };
  // All of it: what there is (points of the world) within the window.
  view.all = (points = view.home?.points) => {
    if (!points?.length || !view.width) return;
    const xs = points.map((one) => one.x), ys = points.map((one) => one.y);
    const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const least = 300 / metres(north); // one room alone is not all that is seen
    const scale = Math.min((view.width * 0.86) / Math.max(least, east - west), (view.height * 0.84) / Math.max(least, south - north));
    view.home = { points, scale };
    Object.assign(view, { x: (west + east) / 2, y: (north + south) / 2, scale, moved: false });
    changed();
  };
  view.by = (dx, dy) => {
    view.x += dx / view.scale;
    view.y += dy / view.scale;
    view.moved = true;
    changed();
  };
  // So many times nearer, what is at (left, top) staying there.
  view.zoom = (times, left = view.width / 2, top = view.height / 2) => {
    const held = view.world(left, top);
    view.scale *= times;
    limit();
    view.x = held.x - (left - view.width / 2) / view.scale;
    view.y = held.y - (top - view.height / 2) / view.scale;
    view.moved = true;
    changed();
  };
  view.to = ({ x, y }) => {
    Object.assign(view, { x, y, moved: true });
    changed();
  };

  const fingers = new Map();
  let pressed = null, apart = null;
  const at = (event) => {
    const box = part.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const on = (name, deed, options) => part.addEventListener(name, deed, options);
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    fingers.set(event.pointerId, at(event));
    pressed = fingers.size === 1 ? { at: at(event), far: false } : null;
    apart = null;
  });
  on("pointermove", (event) => {
    const before = fingers.get(event.pointerId), now = at(event);
    if (!before) return;
    fingers.set(event.pointerId, now);
    if (fingers.size === 2) {
      const [[ax, ay], [bx, by]] = [...fingers.values()], far = Math.hypot(ax - bx, ay - by), middle = [(ax + bx) / 2, (ay + by) / 2];
      if (apart) {
        view.by(apart.middle[0] - middle[0], apart.middle[1] - middle[1]);
        view.zoom(far / Math.max(1, apart.far), ...middle);
      }
      apart = { far, middle };
      return;
    }
    if (pressed && !pressed.far && Math.hypot(now[0] - pressed.at[0], now[1] - pressed.at[1]) > TAP_PX) {
      pressed.far = true;
      part.setPointerCapture(event.pointerId);
    }
    if (pressed?.far) view.by(before[0] - now[0], before[1] - now[1]);
  });
  const up = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && pressed && !pressed.far) view.tap?.(...pressed.at);
    pressed = apart = null;
  };
  on("pointerup", up);
  on("pointercancel", up);
  // Within a longer page the wheel scrolls that, until the map is the one that is used.
  const used = () => document.activeElement === part || part.clientHeight > WHOLE * innerHeight;
  on("wheel", (event) => {
    if (!event.ctrlKey && !used()) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 24 : event.deltaMode === 2 ? 240 : 1;
    view.zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) / (event.ctrlKey ? 120 : 360)), ...at(event));
  }, { passive: false });
  on("dblclick", (event) => view.zoom(ZOOM, ...at(event)));
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  on("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target !== part) return;
    const { key } = event;
    if (key in moves) view.by(moves[key][0] * STEP * view.width, moves[key][1] * STEP * view.height);
    else if (key === "+" || key === "=") view.zoom(ZOOM);
    else if (key === "-" || key === "_") view.zoom(1 / ZOOM);
    else if (key === "0" || key === "Home") view.all();
    else if (!view.key?.(key)) return;
    event.preventDefault();
  });
  view.nearer = () => view.zoom(ZOOM);
  view.farther = () => view.zoom(1 / ZOOM);
  return view;
}
