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

/** Resolves when the page is seen, or it is called off. */
export async function untilSeen(signal: AbortSignal): Promise<void> {
  while (document.hidden && !signal.aborted) {
    await new Promise<void>((resolve) => {
      document.addEventListener('visibilitychange', () => resolve(), { once: true });
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

/** A signal that says when the page has been hidden for a while, or it is called off; and how to let go of it. */
export function whileSeen(graceMs: number, signal: AbortSignal): { signal: AbortSignal; release: () => void } {
  const gone = new AbortController();
  let timer: number | undefined;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = window.setTimeout(() => gone.abort(), graceMs);
  };
  look();
  document.addEventListener('visibilitychange', look);
  const release = () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
  return { signal: AbortSignal.any([signal, gone.signal]), release };
}

/** Calls at once and again and again while the page is seen, one call after the other; returns how to end it. */
export function whileVisible(everyMs: number, call: () => void | Promise<void>): () => void {
  let isCalling = false;
  const tell = async () => {
    if (document.hidden || isCalling) return;
    isCalling = true;
    try {
      await call();
    } finally {
      isCalling = false;
    }
  };
  void tell();
  const timer = setInterval(() => void tell(), everyMs);
  return () => clearInterval(timer);
}
