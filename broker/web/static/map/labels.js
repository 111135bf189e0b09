// Labels that do not overlap: the weightiest are placed first, and what is quiet goes without.

const CELL = 64; // px
const GAP = 3;

// labels: [{x, y, r, w, h, weight, ...}], a mark of radius r at (x, y) that wants a text of w by h beside it; `middle`
// has it centred on the mark; where there is no place for `text`, `short` ({text, w}) is tried. Gives those that have a place, each with `left` and `top` of its text. `taken` are boxes that no label may cover.
export function place(labels, width, height, taken = []) {
  const grid = new Map(), found = [];
  const cells = function* (box) {
    for (let i = Math.floor(box.left / CELL); i <= Math.floor(box.right / CELL); i += 1)
      for (let j = Math.floor(box.top / CELL); j <= Math.floor(box.bottom / CELL); j += 1) yield i * 10_007 + j;
  };
  const free = (box) => {
    for (const key of cells(box))
      for (const other of grid.get(key) ?? []) if (box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom) return false;
    return true;
  };
  const take = (box) => {
    for (const key of cells(box)) grid.has(key) ? grid.get(key).push(box) : grid.set(key, [box]);
  };
  taken.forEach(take);
  for (const label of [...labels].sort((a, b) => b.weight - a.weight)) {
    const { x, y, r, h } = label, far = r + GAP, forms = label.short ? [label, { ...label, ...label.short }] : [label];
    forms.some((form) => {
      const { w } = form;
      const ways = label.middle ? [[x - w / 2, y - h / 2]] : [[x + far, y - h / 2], [x - far - w, y - h / 2], [x - w / 2, y - far - h], [x - w / 2, y + far]];
      return ways.some(([left, top]) => {
        const box = { left: left - GAP, top: top - 1, right: left + w + GAP, bottom: top + h + 1 };
        if (box.left < 0 || box.right > width || box.top < 0 || box.bottom > height || !free(box)) return false;
        take(box);
        return found.push({ ...form, left, top });
      });
    });
  }
  return found;
}
