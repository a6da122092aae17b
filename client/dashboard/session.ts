/** What the page knows: the crawls, the one that is looked at, its events, and how the connection is. */
import { batch, computed, signal } from '@preact/signals';
import { ApiError, type Crawl, describeError, type Host, isUnreachable, read, send } from './api.js';
import { isLast } from './event-types.js';
import { Feed, maxEvents } from './feed.js';
import { follow, type StreamState } from './follow.js';
import { nextFrame, whileVisible } from './frames.js';
import { Pacer, type Speed } from './pacer.js';

/** All crawls, newest first. */
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
/** How the stream is that tells of crawls which begin and end. */
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
  let inFrame = 0;
  const finished = follow(
    {
      query: `crawl=${encodeURIComponent(id)}`,
      since: `${since}`,
      findEnd: async (aborted) => (await read<Crawl>(`/crawls/${id}`, { signal: aborted })).lastOffset,
      async onEvents(events, isReplay) {
        for await (const due of pacer?.pace(events) ?? [events]) {
          if (off.aborted) return;
          fresh.add(due, isReplay || pacer !== undefined);
          if (pacer !== undefined) replay.value = { speed: pacer.speed, nowMs: pacer.nowMs };
          show();
          if (due.some(({ type }) => isLast(type))) void refresh();
          inFrame += due.length;
          // One frame takes so many; the rest waits in the service, not here.
          if (inFrame >= 2_000) {
            inFrame = 0;
            await nextFrame();
          }
        }
      },
      onState: (state) => {
        if (!off.aborted) tell(state);
      },
    },
    off,
  );
  finished.then(() => {
    if (!off.aborted) replay.value = undefined;
  }, complain);
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

/** Asks how all crawls stand. */
export async function refresh(signal?: AbortSignal): Promise<void> {
  try {
    const list = await read<Crawl[]>('/crawls', signal && { signal });
    crawls.value = list.toSorted((a, b) => (a.id < b.id ? 1 : -1));
    // Another log may have taken the place of the one that the crawl was in.
    if (selected.value !== undefined && crawl.value === undefined) lookAway();
    const newest = crawls.value[0];
    if (newest !== undefined && isNewestFollowed && selected.value !== newest.id) look(newest.id);
  } catch (error) {
    complain(error);
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

const lifecycle = 'crawl.started,crawl.paused,crawl.resumed,crawl.finished,crawl.failed,crawl.cancelled';

/** Begins: follows what crawls there are, and how the one that is looked at stands. */
export function begin(): void {
  watchCrawls();
  whileVisible(1_000, askHowItStands);
  whileVisible(2_000, askForHosts);
}

/** Tries again what was refused for want of a token. */
export function beginAgain(): void {
  complaint.value = '';
  if (watch.value.is === 'refused') watchCrawls();
  if (stream.value.is === 'refused' && selected.value !== undefined) look(selected.value);
}

function watchCrawls(): void {
  follow(
    {
      query: `type=${lifecycle}`,
      since: 'now',
      findEnd: async (signal) => {
        await refresh(signal);
        return 0;
      },
      onEvents: () => refresh(),
      onState: (state) => {
        watch.value = state;
      },
    },
    new AbortController().signal,
  ).catch(complain);
}

async function askHowItStands(): Promise<void> {
  if (crawl.value === undefined || !isOpen(crawl.value) || stream.value.is === 'lost') return;
  try {
    const now = await read<Crawl>(`/crawls/${crawl.value.id}`);
    crawls.value = crawls.value.map((one) => (one.id === now.id ? now : one));
    if (replay.value === undefined) feed.value.rates.noteQueue(now.stats.queued, Date.now());
  } catch {
    // The stream says when the service is away.
  }
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
