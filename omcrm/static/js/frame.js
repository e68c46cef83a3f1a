/** Gives a function that has `draw` run once in the next animation frame, however often it is called. */
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
