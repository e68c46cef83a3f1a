/** Returns a function that runs `draw` in the next animation frame, once for any number of calls. */
export function createFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}
