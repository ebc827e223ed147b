// Does something again and again while its page is looked at.

/**
 * Calls `work` at once, and again `pause` ms after each end, until the signal. A tab in the background rests, and
 * looks again as soon as it is seen. Returns a function that does it now.
 */
export function poll(work, pause, signal) {
  let timer = 0;
  let busy = false;
  let again = false;

  async function turn() {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      await work();
    } finally {
      busy = false;
    }
    if (signal.aborted || document.hidden) return;
    timer = setTimeout(turn, again ? 0 : pause);
  }

  const seen = () => { if (!document.hidden) turn(); };
  document.addEventListener("visibilitychange", seen, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  turn();
  return turn;
}
