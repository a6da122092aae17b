/** Trying a spider on one page before it is saved. */
import { signal } from '@preact/signals';
import type { CloudEvent } from '#src/events.js';
import { type Crawl, send } from './api.js';
import { follow } from './follow.js';

/** How a trial goes. */
export interface Trial {
  readonly state: 'running' | 'over';
  readonly events: readonly CloudEvent[];
}

/** The trial that is shown. */
export const trial = signal<Trial>();

/** More than one page rarely has. */
const maxShown = 500;

let running = new AbortController();

/** Ends a trial, and takes away what it has shown. */
export function forgetTrial(): void {
  running.abort();
  trial.value = undefined;
}

/** Crawls one page with a spider that nobody knows yet, and shows its events as they come. */
export async function tryOut(spider: unknown, url: string): Promise<void> {
  forgetTrial();
  running = new AbortController();
  const { signal: off } = running;
  const body = { spider, settings: { maxPages: 1 }, ...(url === '' ? {} : { start: [url] }) };
  const crawl = await send<Crawl>('POST', '/crawls', body);
  if (crawl === undefined || off.aborted) return;
  trial.value = { state: 'running', events: [] };
  await follow(
    {
      view: 'spiders',
      crawl: crawl.id,
      since: '0',
      onEvents(events) {
        const shown = trial.value?.events ?? [];
        if (shown.length < maxShown)
          trial.value = { state: 'running', events: [...shown, ...events].slice(0, maxShown) };
      },
      onState() {},
    },
    off,
  );
  if (!off.aborted) trial.value = { state: 'over', events: trial.value?.events ?? [] };
}
