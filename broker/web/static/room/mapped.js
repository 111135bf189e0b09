// The map within the room: mounted once, drawn with every picture, in the language that is spoken.

import { html, Component } from "../vendored/htm-preact-3.1.1.js";
import { outsideRooms } from "../playback/beside.js";
import { language, named, say } from "../frame/words.js";

const MANY = 60, MANY_EVERY_MS = 1000; // so many trucks are told to the map once a second; it lets them glide meanwhile
let map = null, spoken = "", seen = true, drawnAt = 0, chosen = "";

export class Mapped extends Component {
  shouldComponentUpdate() {
    return false; // what is in it is the map's own
  }
  async componentDidMount() {
    const { mountMap } = await import("../map/map.js"); // presses and lines do not wait for its modules
    if (this.left) return;
    map = mountMap(this.part, { say, named, onSelect: this.props.onSelect });
    spoken = language;
    this.props.onReady();
    this.watch = new IntersectionObserver(([entry]) => ((seen = entry.isIntersecting), (drawnAt = 0)));
    this.watch.observe(this.part);
  }
  componentWillUnmount() {
    this.left = true;
    this.watch?.disconnect();
    map?.destroy();
    map = null;
  }
  render() {
    return html`<div class="mapped" data-testid="room-map" ref=${(part) => (this.part = part ?? this.part)}></div>`;
  }
}

// `truth` is what came true of a day that is played, else null.
export function drawMap(picture, selected, truth) {
  if (!map) return;
  if (spoken !== language) map.speak();
  spoken = language;
  const odd = outsideRooms(picture, truth);
  const what = JSON.stringify([selected, ...odd]), other = what !== chosen, now = performance.now();
  if (!other && (!seen || (picture.trucks.length > MANY && now - drawnAt < MANY_EVERY_MS))) return;
  [chosen, drawnAt] = [what, now];
  map.draw(picture, selected, odd);
}

// What of the map a view has selected: the stop, or the truck of the line that is under way.
export function selectedOf(view, picture) {
  if (view.level === "stop") return { kind: "room", id: view.room };
  const run = view.level === "line" && picture.runs.find((one) => one.route === view.route && one.active);
  return run ? { kind: "truck", id: run.truck } : null;
}

// The view of what was pressed on the map; null for what has none of its own.
export function viewOfThing(thing, picture) {
  if (thing?.kind === "room" && picture.rooms.some((row) => row.room === thing.id)) return { level: "stop", room: thing.id };
  const truck = thing?.kind === "truck" ? thing.id : thing?.kind === "incident" ? thing.id.split("/")[0] : null;
  const run = truck && picture.runs.find((one) => one.truck === truck && one.active);
  return run ? { level: "line", route: run.route } : null;
}
