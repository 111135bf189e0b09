// An operator's own street map beneath ours, where there is one: others' modules are loaded for it, and only then.

import { latitude, longitude } from "./geometry.js";

const TILE_PX = 256, HEADER = 127, MAX_ZOOM = 101; // bytes of a PMTiles header, and the place of its largest zoom
const FILE = "/api/v1/plan/basemap.pmtiles";
const load = (path) => new Promise((done, failed) => {
  const part = Object.assign(document.createElement("script"), { src: path, onload: done, onerror: failed });
  document.head.append(part);
});

// Draws into `part` and follows the view: `follow()` after it moved, `look(dark)` in other colours, `end()`.
export function beneath(part, licence, view, dark) {
  let map = null, layer = null, over = false, wanted = dark;

  let maxDataZoom = null;
  const made = () => window.protomapsL.leafletLayer({ url: `${location.origin}${FILE}`, maxDataZoom, flavor: wanted ? "black" : "white", lang: document.documentElement.lang || "zh", attribution: licence });
  async function begin() {
    const head = await fetch(FILE, { headers: { Range: `bytes=0-${HEADER - 1}` } });
    if (!head.ok) throw new Error(`${FILE}: ${head.status}`);
    maxDataZoom = new Uint8Array(await head.arrayBuffer())[MAX_ZOOM];
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/vendored/leaflet-1.9.4.css" }));
    await load("/static/vendored/leaflet-1.9.4.js");
    await load("/static/vendored/protomaps-leaflet-5.1.0.js");
    if (over) return;
    const quiet = { zoomControl: false, attributionControl: false, dragging: false, keyboard: false, scrollWheelZoom: false, doubleClickZoom: false, touchZoom: false, boxZoom: false };
    map = window.L.map(part, { ...quiet, zoomSnap: 0, zoomAnimation: false, fadeAnimation: false, trackResize: false });
    follow();
    layer = made().addTo(map);
  }

  function follow() {
    if (!map) return;
    map.invalidateSize({ animate: false, pan: false });
    map.setView([latitude(view.y), longitude(view.x)], Math.log2(view.scale / TILE_PX), { animate: false });
  }

  begin().catch(() => (part.hidden = true)); // without it the map is as it is without a file
  return {
    follow,
    look(isDark) {
      if (isDark === wanted) return;
      wanted = isDark;
      layer?.remove();
      if (map) layer = made().addTo(map);
    },
    end() {
      over = true;
      map?.remove();
    },
  };
}
