// How large text must be to be read from a distance: 16 minutes of arc at least (NUREG-0700 on displays for a group).

const READABLE_RAD = (16 / 60) * (Math.PI / 180), MM_PER_INCH = 25.4, ACROSS = 16 / Math.hypot(16, 9); // a screen of 16:9
const USUAL_PX = 16, WIDE_PX = 22, WIDE_FROM = 2800, LEAST_WALL = 900, USUAL_INCH = 55, LINE = 1.36; // on a desk's very wide screen all grows

// "5m" or "5" in metres; null for what is no distance.
export function metresOf(text) {
  const metres = Number.parseFloat(text ?? "");
  return Number.isFinite(metres) && metres >= 0.5 && metres <= 50 ? metres : null;
}

// The smallest text in px on a screen `width` px wide and `inch` across its corners, seen from `metres`.
export function textPx(metres, width, inch = USUAL_INCH) {
  const height_mm = 2 * metres * 1000 * Math.tan(READABLE_RAD / 2), px_mm = (inch * MM_PER_INCH * ACROSS) / width;
  return Math.max(USUAL_PX, Math.ceil(height_mm / px_mm));
}

// A view's sizes: `px` of its text and what it leaves out, which goes in this order: names of quiet stops, quiet rooms
// and trucks, what waits at each stop, figures.
export function sizesOf({ wall, inch }, width, height) {
  const metres = width < LEAST_WALL ? null : metresOf(wall); // nobody hangs a phone on a wall
  if (metres === null) return { wall: false, px: width < WIDE_FROM ? USUAL_PX : WIDE_PX, names: true, quiet: true, waits: true, figures: true };
  const px = textPx(metres, width, Number.parseFloat(inch) > 5 ? Number.parseFloat(inch) : USUAL_INCH);
  const rows = height / (px * LINE), columns = width / px;
  return { wall: true, px, names: columns >= 150, quiet: rows >= 55, waits: columns >= 70, figures: rows >= 18 && columns >= 45 };
}
