// Names under a strip's stops: broken into lines, cut in the middle where they are too long, kept apart.

const GAP = 8, MOST_LINES = 3, BOLD = 1.12; // what is bold is so much wider

// A line ends after a space; a Chinese name without one that is longer than a line ends after any 字.
export const pieces = (label, wide, room) => label.split(/(?<=\s)/).flatMap((word) => (wide(word) > room ? word.split(/(?<=[\u3000-\u9fff])/) : [word]));

export function wrapped(parts, wide, room) {
  const lines = [""];
  for (const part of parts) {
    if (lines.at(-1) && wide(lines.at(-1) + part.trimEnd()) > room) lines.push("");
    lines[lines.length - 1] += part;
  }
  return lines.map((line) => line.trim());
}

// What tells two rooms apart stands at both ends of a name: of one too long for its lines the middle goes.
export function cut(label, wide, room, most) {
  const parts = pieces(label, wide, most), lines = wrapped(parts, wide, room);
  if (lines.length <= MOST_LINES) return lines;
  let from = parts.length - 1;
  while (from > 0 && wide(`…${parts.slice(from - 1).join("")}`) <= room) from -= 1;
  return [...lines.slice(0, MOST_LINES - 1), `…${parts.slice(from).join("")}`];
}

// The least distance of two stops at which all names fit into their lines; rather a strip to push aside than names cut off.
export function leastOf(labels, wide, { each, most }) {
  const split = labels.map((label) => pieces(label, wide, most - GAP));
  let least = Math.max(each, GAP + Math.max(0, ...split.flat().map((part) => wide(part.trimEnd()))));
  while (least < most && !split.every((parts) => wrapped(parts, wide, least - GAP).length <= MOST_LINES)) least += GAP;
  return Math.min(least, most + GAP);
}

// On a wall there is room for some: those that matter most first, none over another, in at most `lines` lines. `rows` are
// {x, label, weight, bold}; each is given the `line` that it stands in.
export function chosen(rows, wide, width, lines = 2) {
  const taken = [];
  for (const row of [...rows].sort((a, b) => b.weight - a.weight)) {
    const half = (wide(row.label) * (row.bold ? BOLD : 1)) / 2, x = Math.min(Math.max(row.x, half), width - half);
    const free = (line) => taken.every((other) => other.line !== line || Math.abs(other.at - x) >= half + other.half + GAP);
    const line = Array.from({ length: lines }, (_, i) => i).find(free);
    if (line !== undefined) taken.push({ ...row, at: x, half, line });
  }
  return taken;
}
