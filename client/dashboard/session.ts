/** What the page knows: the crawls, the one that is looked at, its events, and how the connection is. */
import { batch, computed, signal } from '@preact/signals';
import { ApiError, type Crawl, describeError, type Host, isRefusal, isUnreachable, read, send } from './api.js';
import { readCrawl, readList } from './crawl-list.js';
import { isLast } from './event-types.js';
import { Feed, maxEvents } from './feed.js';
import { type Followed, follow, type StreamState } from './follow.js';
import { nextFrame, whileVisible } from './frames.js';
import { Pacer, type Speed } from './pacer.js';

/** The newest crawls, newest first; behind them the one that is looked at, where it is older. */
export const crawls = signal<readonly Crawl[]>([]);
/** The id of the crawl that is looked at. */
export const selected = signal<string>();
/** That crawl as it stands. */
export const crawl = computed(() => crawls.value.find(({ id }) => id === selected.value));
/** Its events; `tick` says when there are new ones. */
export const feed = signal(new Feed());
/** Grows by one for each frame in which something came. */
export const tick = signal(0);
/** How the stream of that crawl is. */
export const stream = signal<StreamState>({ is: 'connecting' });
/** How it goes with asking what crawls there are. */
export const watch = signal<StreamState>({ is: 'connecting' });
/** The time that a replay has come to, while one runs. */
export const replay = signal<{ readonly speed: Speed; readonly nowMs: number | undefined }>();
/** How hosts are being asked; nothing where the service does not tell. */
export const hosts = signal<readonly Host[]>();
/** What went wrong with the last thing that was asked for. */
export const complaint = signal('');

let following = new AbortController();
let isNewestFollowed = true;

/** Whether a crawl may still write events. */
export const isOpen = ({ state }: Crawl): boolean => state === 'running' || state === 'paused';

/** Looks at a crawl: its newest events and then what comes, or with a speed all of them, as they came. */
export function look(id: string, speed?: Speed): void {
  leave();
  following = new AbortController();
  const { signal: off } = following;
  const fresh = new Feed();
  const pacer = speed === undefined ? undefined : new Pacer(speed, off);
  batch(() => {
    selected.value = id;
    feed.value = fresh;
    replay.value = speed === undefined ? undefined : { speed, nowMs: undefined };
  });
  const known = crawls.value.find((one) => one.id === id);
  const first = (known?.firstOffset ?? 1) - 1;
  const since = speed === undefined ? Math.max(first, (known?.lastOffset ?? 0) - maxEvents, 0) : Math.max(first, 0);
  const onState = (state: StreamState) => {
    if (!off.aborted) tell(state);
  };
  const onEvents = receiver(fresh, pacer, off);
  follow({ view: 'crawls', crawl: id, since: `${since}`, onEvents, onState }, off).then(() => {
    if (!off.aborted) replay.value = undefined;
  }, complain);
}

/** One frame takes so many; the rest waits in the service, not here. */
const eventsPerFrame = 2_000;

/** Takes events in as they come; with a pacer, when they are due. */
function receiver(fresh: Feed, pacer: Pacer | undefined, off: AbortSignal): Followed['onEvents'] {
  let inFrame = 0;
  return async (events, isReplay) => {
    for await (const due of pacer?.pace(events) ?? [events]) {
      if (off.aborted) return;
      fresh.add(due, isReplay || pacer !== undefined);
      if (pacer !== undefined) replay.value = { speed: pacer.speed, nowMs: pacer.nowMs };
      show();
      if (due.some(({ type }) => isLast(type))) void refresh();
      inFrame += due.length;
      if (inFrame < eventsPerFrame) continue;
      inFrame = 0;
      await nextFrame();
    }
  };
}

/** Follows no more, and what was still to be told of it is not. */
function leave(): void {
  following.abort();
  nextState = undefined;
}

function lookAway(): void {
  leave();
  isNewestFollowed = true;
  batch(() => {
    selected.value = undefined;
    feed.value = new Feed();
    replay.value = undefined;
    stream.value = { is: 'connecting' };
  });
}

let isShowing = false;
let nextState: StreamState | undefined;

/** Has the page drawn once, however much comes before the next frame. */
function show(): void {
  if (isShowing) return;
  isShowing = true;
  requestAnimationFrame(() => {
    isShowing = false;
    batch(() => {
      tick.value++;
      stream.value = nextState ?? stream.value;
    });
    nextState = undefined;
  });
}

/** Tells how the stream is, in the frame that shows what came before: "caught up" stands beside what it speaks of. */
function tell(state: StreamState): void {
  if (isShowing) nextState = state;
  else stream.value = state;
}

/** Looks at a crawl that a person chose; the newest goes on being the newest. */
export function choose(id: string): void {
  isNewestFollowed = id === crawls.value[0]?.id;
  look(id);
}

let asked: Promise<void> = Promise.resolve();

/** Asks how the crawls stand, one question after the other, so that no older answer comes last; `isWhole`: all listed. */
export function refresh(isWhole = false): Promise<void> {
  asked = asked.then(() => askHowAllStand(isWhole));
  return asked;
}

async function askHowAllStand(isWhole: boolean): Promise<void> {
  try {
    const list = await readList(crawls.value, isWhole);
    const id = selected.value;
    const listed = list.find((one) => one.id === id);
    // It may be older than what has been asked for.
    const isOlder = id !== undefined && (listed === undefined || listed === crawl.value);
    const chosen = isOlder ? await readCrawl(id) : listed;
    batch(() => {
      const others = chosen !== undefined && listed === undefined ? [...list, chosen] : list;
      crawls.value = others.map((one) => (chosen !== undefined && one.id === chosen.id ? chosen : one));
      watch.value = { is: 'live' };
      // Another log may have taken the place of the one that the crawl was in.
      if (id !== undefined && id === selected.value && chosen === undefined) lookAway();
    });
    const newest = crawls.value[0];
    if (newest !== undefined && isNewestFollowed && selected.value !== newest.id) look(newest.id);
  } catch (error) {
    watch.value = isRefusal(error) ? { is: 'refused', why: describeError(error) } : { is: 'lost' };
  }
}

/** Starts a crawl and looks at it. */
export async function start(spider: unknown, options: Record<string, unknown> = {}): Promise<Crawl | undefined> {
  const begun = await send<Crawl>('POST', '/crawls', { spider, ...options });
  isNewestFollowed = true;
  await refresh();
  return begun;
}

/** Pauses, resumes or cancels the crawl that is looked at. */
export async function steer(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
  try {
    complaint.value = '';
    await send('POST', `/crawls/${selected.value}/${action}`);
  } catch (error) {
    complain(error);
  }
  await refresh();
}

/** Shows what went wrong. */
export function complain(error: unknown): void {
  // That the service is away is said where the connection's state is.
  if (!isUnreachable(error)) complaint.value = describeError(error);
}

/** Begins: asks what crawls there are, and how they stand, as long as somebody looks. */
export function begin(): void {
  whileVisible(1_000, askAgain);
  whileVisible(2_000, askForHosts);
}

/** Tries again what was refused for want of a token. */
export function beginAgain(): void {
  complaint.value = '';
  if (watch.value.is === 'refused') void refresh();
  if (stream.value.is === 'refused' && selected.value !== undefined) look(selected.value);
}

/**
 * Questions, and no stream of what begins and ends: the one connection that a page holds on to is that of the crawl it
 * looks at, of the six that browsers have.
 */
async function askAgain(): Promise<void> {
  if (watch.value.is === 'refused') return;
  await refresh();
  if (crawl.value === undefined || !isOpen(crawl.value) || replay.value !== undefined) return;
  if (watch.value.is === 'live') feed.value.rates.noteQueue(crawl.value.stats.queued, Date.now());
}

let areHostsTold = true;

async function askForHosts(): Promise<void> {
  if (!areHostsTold || watch.value.is === 'lost') return;
  try {
    hosts.value = await read<Host[]>('/hosts');
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) areHostsTold = false;
  }
}
