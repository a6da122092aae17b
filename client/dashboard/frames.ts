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

/** What a page shows at a time. */
export type View = 'crawls' | 'spiders';

/** What this page shows. */
export const viewNow = (): View => (location.hash.startsWith('#spiders') ? 'spiders' : 'crawls');

/** Whether somebody may be looking at a view. */
export const isSeen = (view: View): boolean => !document.hidden && viewNow() === view;

/** Resolves when a view is seen, or it is called off. */
export async function untilSeen(view: View, signal: AbortSignal): Promise<void> {
  while (!isSeen(view) && !signal.aborted) {
    const heard = new AbortController();
    await new Promise<void>((resolve) => {
      const options = { signal: heard.signal };
      document.addEventListener('visibilitychange', () => resolve(), options);
      addEventListener('hashchange', () => resolve(), options);
      signal.addEventListener('abort', () => resolve(), options);
    });
    heard.abort();
  }
}

/**
 * A signal that says when another view is shown, the page has been hidden for a while, or it is called off; and how to
 * let go of it.
 */
export function whileSeen(
  view: View,
  graceMs: number,
  signal: AbortSignal,
): { signal: AbortSignal; release: () => void } {
  const gone = new AbortController();
  let timer: number | undefined;
  const look = () => {
    clearTimeout(timer);
    if (viewNow() !== view) gone.abort();
    else if (document.hidden) timer = window.setTimeout(() => gone.abort(), graceMs);
  };
  look();
  document.addEventListener('visibilitychange', look);
  addEventListener('hashchange', look);
  const release = () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
    removeEventListener('hashchange', look);
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
