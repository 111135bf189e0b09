// The past on a page that else shows what is so now: the moment in its address, the hand on it, and the way back.

import { say } from "../frame/words.js";
import { momentOf, player, SPEEDS, stepOf } from "./player.js";

const WRITE_MS = 2000; // how often the address follows while it plays
const TYPED = "input, select, textarea, dialog, [role=application]", PRESSED = `${TYPED}, button, a, summary`;

// `page` is {view(), turn(view), take(source), live, draw(), tell(text)}: the view in the address, another view put there without a
// page of history, the stage's source, the live source, to draw again, and to say something.
export function past(page) {
  let hand = null, written = null, writtenAt = 0, live = false;

  function write(at, speed) {
    [written, writtenAt] = [at === null ? null : Math.floor(at), performance.now()];
    const { at: _at, speed: _speed, ...rest } = page.view();
    page.turn(at === null ? rest : { ...rest, at: String(written), ...(speed !== 1 && { speed: String(speed) }) });
  }

  function changed() {
    if (hand === null) return;
    const { at, speed, playing } = hand.state;
    if (Math.floor(at) !== written || page.view().speed !== (speed === 1 ? undefined : String(speed))) {
      if (!playing || performance.now() - writtenAt > WRITE_MS) write(at, speed);
    }
    page.draw();
  }

  function enter(at, speed) {
    live = false;
    hand = player({ at, speed, changed, nothing: () => (leave(), page.tell(say("past_nothing"))) });
    written = at;
    page.take(hand.source);
    changed();
  }

  // The banner goes with the first picture of now, not before it.
  function leave() {
    write(null);
    live = true;
    page.take((told) => (told.onLost(), page.live({ ...told, onPicture: (picture) => ((hand = null), told.onPicture(picture)) }))); // veiled until then
    page.draw();
  }

  // What is done by keys, where no field or button wants them: space plays and stops, arrows go a step.
  document.addEventListener("keydown", (event) => {
    if (hand === null || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const go = { " ": () => hand.toggle(), ArrowLeft: () => hand.step(-1), ArrowRight: () => hand.step(1) }[event.key];
    if (!go || event.target.closest?.(event.key === " " ? PRESSED : TYPED)) return;
    event.preventDefault();
    go();
  });

  return {
    get state() { return hand?.state ?? null; },
    get hand() { return hand; },
    leave,
    enter,
    // What is said over a picture that is not of the moment; "" where there is nothing to say.
    veil(tools) {
      const { gap, waiting } = hand?.state ?? {};
      return gap ? say("past_gap", { from: tools.moment(gap.from_at), until: tools.moment(gap.until_at) }) : waiting ? say("past_waiting") : "";
    },
    // Goes where the address says, at first and whenever somebody changes it.
    follow(view) {
      const at = momentOf(view.at);
      if (at === null) return hand ? live || leave() : live || ((live = true), page.take(page.live));
      if (hand === null) return enter(at, view.speed);
      if (at !== written) hand.seek(at);
      if (Number(view.speed ?? 1) !== hand.state.speed && SPEEDS.includes(Number(view.speed ?? 1))) hand.pace(Number(view.speed ?? 1));
    },
  };
}

export { SPEEDS, stepOf };
