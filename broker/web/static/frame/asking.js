// Looking again and again: each question at its own pace, a veil when nothing is heard, deeds with what came of them.

import { act, ask } from "./deed.js";
import { clocks, say } from "./words.js";

const VEIL_AFTER_MS = 10000, AGAIN_MS = 2000, LONGEST_MS = 8000;

// `questions`: name: [path, every_ms]; `found` has what each was answered last; `draw` is told after each round.
export function asking(questions, draw) {
  const state = { found: {}, said: "", lost: "" };
  const due = Object.fromEntries(Object.keys(questions).map((name) => [name, 0]));
  let heardAt = performance.now(), busy = false;

  async function look() {
    const now = performance.now(), names = Object.keys(questions).filter((name) => due[name] <= now);
    if (busy || !names.length) return;
    busy = true;
    await Promise.all(names.map(async (name) => {
      const [path, every] = questions[name], answer = await ask(path, () => {}, LONGEST_MS);
      due[name] = now + (answer ? every : Math.min(every, AGAIN_MS));
      if (answer) [state.found[name], heardAt] = [answer, performance.now()];
    }));
    busy = false;
    const clock = state.found.asked ?? state.found.firm;
    state.lost = performance.now() - heardAt > VEIL_AFTER_MS ? `${say("lost")}${clock ? clocks(clock.timezone).exact(clock.at) : ""}` : "";
    draw();
  }

  let doing = false; // a second tap is not a second deed
  state.do = async (path, body) => {
    if (doing) return;
    doing = true;
    const done = await act(path, body).finally(() => (doing = false));
    state.said = done.told;
    for (const name of Object.keys(due)) due[name] = 0;
    await look();
    draw();
  };
  state.look = look;
  setInterval(() => void look(), 500);
  return state;
}
