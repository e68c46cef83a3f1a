/** Lights a cell up for a moment when its price moves; not at all where motion is unwanted. */

const DURATION = 280;
const APART = 350; // at most three times a second: quicker flicker can hurt people
const still = matchMedia("(prefers-reduced-motion: reduce)");
const lights = new WeakMap();

export function flash(cell, direction) {
  if (still.matches || direction === "none") return;
  const now = performance.now();
  const last = lights.get(cell);
  if (last?.direction !== direction) last?.animation.cancel();
  if (last && now - last.at < APART) return;
  const steps = [{ backgroundColor: `var(--flash-${direction})` }, { backgroundColor: "transparent" }];
  const animation = cell.animate(steps, { duration: DURATION, easing: "ease-out" });
  lights.set(cell, { animation, direction, at: now });
}
