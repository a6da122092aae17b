/** Waiting, in a page. */

/** Resolves before the next frame is painted; in a hidden tab, when it is shown again. */
export function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}

/** Resolves after a time, or at once when it is called off. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

/** Calls at once and again and again while the page is seen; returns how to end it. */
export function whileVisible(everyMs: number, call: () => void): () => void {
  const tell = () => {
    if (!document.hidden) call();
  };
  tell();
  const timer = setInterval(tell, everyMs);
  return () => clearInterval(timer);
}
