// The map as a page of its own: the live picture over the whole window, what is chosen in the address and in a card.

import { html } from "/static/vendored/htm-preact-3.1.1.js";
import { Page, begin, show } from "/static/frame/page.js";
import { meet } from "/static/frame/visitor.js";
import { age, clocks, language, named, say } from "/static/frame/words.js";
import { mountMap } from "./map.js";
import { roomState } from "./states.js";
import { follow } from "/static/room/source.js";

let map = null, picture = null, lost = false, spoken = null;
let [kind, id] = (new URLSearchParams(location.search).get("at") ?? "").split(/:(.*)/s);
const chosen = () => (id ? { kind, id } : null);

function choose(thing) {
  ({ kind, id } = thing ?? { kind: "", id: "" });
  history.replaceState(null, "", id ? `?at=${encodeURIComponent(`${kind}:${id}`)}` : location.pathname);
  if (picture) map.draw(picture, chosen());
  page();
}

const mounted = (part) => {
  if (!part || map) return;
  map = mountMap(part, { say, named, onSelect: choose });
  if (picture) map.draw(picture, chosen());
};

// What is known of the chosen thing, in a few words.
function card() {
  const { time } = clocks(picture.area.timezone), at = (since) => age(since === null || since === undefined ? null : Math.max(0, picture.at - since));
  if (kind === "truck") {
    const row = picture.trucks.find((one) => one.truck === id), run = picture.runs.find((one) => one.run_id === row?.run_id);
    return row && [row.truck, run && named(run.route_name), row.next_room && `${say("next")}: ${named(row.next_room_name)} ${time(row.next_eta_at)}`, `${say("age")}: ${at(row.fix_at)}`];
  }
  if (kind === "room") {
    const row = picture.rooms.find((one) => one.room === id), state = row && roomState(row);
    const next = row && Object.entries(row.arrivals).filter(([, one]) => one?.eta_at).map(([waste, one]) => `${say(waste)} · ${say(one.state)} ${time(one.eta_at)}`);
    return row && [named(row.name), row.estate_name && named(row.estate_name), state !== "calm" && say(`map_${state}`), ...next];
  }
  if (kind === "incident") {
    const row = picture.incidents.find((one) => `${one.truck}/${one.incident_id}` === id);
    return row && [`${say(row.reason)} · ${row.truck}`, row.room_name && named(row.room_name), `${say(row.workflow)} · ${at(row.raised_at)} ${say("ago")}`];
  }
  const room = picture.rooms.find((one) => one.estate === id);
  return room && [named(room.estate_name ?? id)];
}

function page() {
  const words = picture && id ? card() : null;
  if (map && spoken !== language) map.speak();
  spoken = language;
  const told = lost && picture ? `${say("map_lost")}${clocks(picture.area.timezone).exact(picture.at)}` : picture?.old_since_at ? say("picture_old", { at: clocks(picture.area.timezone).exact(picture.old_since_at) }) : "";
  show(html`<${Page} title="map" lost=${told}>
    <div class="map-whole" ref=${mounted}></div>
    ${words ? html`<div class="card map-chosen" data-testid="chosen">${words.filter(Boolean).map((text, i) => html`<p key=${i}>${i ? text : html`<b>${text}</b>`}</p>`)}</div>` : null}
  <//>`);
}

let begun = false;
const redraw = () => begun && page();
follow({
  onPicture(newer) {
    const first = !picture || lost || id;
    picture = newer;
    lost = false;
    map?.draw(picture, chosen());
    if (first) redraw();
  },
  onLost: () => ((lost = true), redraw()),
  onRefused: meet,
});
await begin(["", "map"], () => ((begun = true), page())); // meanwhile the first picture comes
