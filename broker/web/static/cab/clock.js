// How far this device's clock is behind the system's, measured by the moments that the system's word comes with.
// Each word was a while under way, so the largest difference of the last minute is the nearest to the truth.

export const KEPT = 60, JUMP_MS = 5_000;

// The measurements with one more; a clock that was set begins anew.
export function measured(offs_ms, at_s, now_ms) {
  const off_ms = at_s * 1000 - now_ms, known = off_of(offs_ms);
  return known !== null && Math.abs(off_ms - known) > JUMP_MS ? [off_ms] : [...offs_ms.slice(1 - KEPT), off_ms];
}

export const off_of = (offs_ms) => (offs_ms.length === 0 ? null : Math.max(...offs_ms));
