// Draws again only what changed: a part is made anew when one of the things it rests on is another object or value.

const parts = new Map();
let round = 0;

// The very same part as before while `rests` are the same; Preact then leaves its elements alone.
export function kept(key, rests, make) {
  const had = parts.get(key);
  if (had && had.rests.length === rests.length && had.rests.every((one, i) => Object.is(one, rests[i]))) {
    had.round = round;
    return had.part;
  }
  const part = make();
  parts.set(key, { rests, part, round });
  return part;
}

// Begins a round of drawing; what two rounds did not use is forgotten.
export function begun() {
  for (const [key, had] of parts) if (had.round < round - 1) parts.delete(key);
  round += 1;
}

// A row's place in a list while somebody's pointer is on it: what is there stays where it is, what is new comes last.
export function steady(before, wanted, frozen) {
  if (!frozen) return wanted;
  return [...before, ...wanted.filter((key) => !before.includes(key))];
}
