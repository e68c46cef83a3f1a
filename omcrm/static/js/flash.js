/** Flashes a cell for a moment when its price moves; not where the user wants reduced motion. */

const DURATION = 280;
const APART = 350; // at most three times a second: faster flicker can cause seizures
const still = matchMedia("(prefers-reduced-motion: reduce)");
const flashes = new WeakMap();

export function flash(cell, direction) {
  if (still.matches || direction === "none") return;
  const now = performance.now();
  const last = flashes.get(cell);
  if (last?.direction !== direction) last?.animation.cancel();
  if (last && now - last.at < APART) return;
  const steps = [{ backgroundColor: `var(--flash-${direction})` }, { backgroundColor: "transparent" }];
  const animation = cell.animate(steps, { duration: DURATION, easing: "ease-out" });
  flashes.set(cell, { animation, direction, at: now });
}
