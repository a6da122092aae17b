import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type Crawl, spiderNames } from './api.js';
import { useFocusHandedOn } from './focus.js';
import type { StreamState } from './follow.js';
import { dayAndTime, timeOfDay } from './format.js';
import {
  choose,
  complain,
  complaint,
  crawl,
  crawls,
  isOpen,
  look,
  refresh,
  replay,
  selected,
  start,
  steer,
  stream,
  watch,
} from './session.js';

/** What stands above everything: which crawl, what to do with it, how the connection is. */
export function Header({ isEditing }: { isEditing: boolean }) {
  return (
    <header>
      <div class="bar">
        <h1>Crawlcast</h1>
        <nav aria-label="Views">
          <a href="#crawls" aria-current={isEditing ? undefined : 'page'}>
            Crawls
          </a>
          <a href="#spiders" aria-current={isEditing ? 'page' : undefined}>
            Spiders
          </a>
        </nav>
        <Starter />
        <Connection />
      </div>
      {!isEditing && crawls.value.length > 0 && (
        <div class="bar second">
          <CrawlChoice />
          <Steering />
          <Replay />
        </div>
      )}
      {complaint.value !== '' && (
        <p class="banner bad" role="alert">
          {complaint.value}
          <button type="button" class="plain" onClick={() => (complaint.value = '')} aria-label="Dismiss">
            ×
          </button>
        </p>
      )}
    </header>
  );
}

function Starter() {
  const names = useSignal<readonly string[]>(['quotes']);
  const name = useSignal('quotes');
  const ask = () => {
    spiderNames().then((known) => {
      names.value = known;
    }, complain);
  };
  useEffect(ask, []);
  const begin = () => {
    complaint.value = '';
    location.hash = '#crawls';
    start(name.value).catch(complain);
  };
  return (
    <div class="starter">
      <label class="unseen" for="spider">
        Spider
      </label>
      <select
        id="spider"
        value={name.value}
        onFocus={ask}
        onChange={({ currentTarget }) => (name.value = currentTarget.value)}
      >
        {names.value.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <button type="button" class="main" onClick={begin}>
        Start crawl
      </button>
    </div>
  );
}

function CrawlChoice() {
  return (
    <>
      <label class="unseen" for="crawl">
        Crawl
      </label>
      <select
        id="crawl"
        value={selected.value}
        onFocus={() => void refresh(true)}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        {crawls.value.map((one, i) => (
          <option key={one.id} value={one.id}>
            {nameOf(one, i === 0)}
          </option>
        ))}
      </select>
      {crawl.value && <span class={`state ${crawl.value.state}`}>{crawl.value.state}</span>}
    </>
  );
}

function nameOf({ spider, startedAt, state }: Crawl, isNewest: boolean): string {
  return `${spider} · ${dayAndTime(startedAt)} · ${state}${isNewest ? ' · newest' : ''}`;
}

function Steering() {
  const state = crawl.value?.state;
  const place = useRef<HTMLFieldSetElement>(null);
  useFocusHandedOn(place, () => document.getElementById('crawl'));
  if (crawl.value === undefined || !isOpen(crawl.value)) return null;
  return (
    <fieldset class="group" aria-label="Steer the crawl" ref={place}>
      {state === 'running' ? (
        <button type="button" onClick={() => void steer('pause')}>
          Pause
        </button>
      ) : (
        <button type="button" onClick={() => void steer('resume')}>
          Resume
        </button>
      )}
      <button type="button" class="danger" onClick={() => void steer('cancel')}>
        Cancel
      </button>
    </fieldset>
  );
}

const speeds = [
  { name: '1×', speed: 1 },
  { name: '10×', speed: 10 },
  { name: 'max', speed: Number.POSITIVE_INFINITY },
];

function Replay() {
  const { id } = crawl.value ?? {};
  const place = useRef<HTMLFieldSetElement>(null);
  const stop = useRef<HTMLButtonElement>(null);
  useFocusHandedOn(stop, () => place.current?.querySelector('button'));
  if (id === undefined) return null;
  const running = replay.value;
  return (
    <fieldset class="group" aria-label="Replay the crawl from its log" ref={place}>
      <span class="label">Replay</span>
      {speeds.map(({ name, speed }) => (
        <button type="button" key={name} aria-pressed={running?.speed === speed} onClick={() => look(id, speed)}>
          {name}
        </button>
      ))}
      {running && (
        <button type="button" ref={stop} onClick={() => look(id)}>
          Stop
        </button>
      )}
      {running?.nowMs !== undefined && <time>{timeOfDay(new Date(running.nowMs).toISOString())}</time>}
    </fieldset>
  );
}

/** How the connection is, plainly. */
function Connection() {
  const { tone, text } = connectionOf(watch.value, stream.value, replay.value !== undefined);
  return (
    <p class={`connection ${tone}`} id="connection">
      {text}
    </p>
  );
}

/** How the connection is, in words. */
export function connectionOf(
  watch: StreamState,
  stream: StreamState,
  isReplay: boolean,
): { tone: 'good' | 'bad' | 'busy'; text: string } {
  const lost = [watch, stream].find((state) => state.is === 'lost');
  if (lost?.is === 'lost') return { tone: 'bad', text: 'Connection lost, reconnecting' };
  const refused = [watch, stream].find((state) => state.is === 'refused');
  if (refused?.is === 'refused') return { tone: 'bad', text: `Refused: ${refused.why}` };
  if (isReplay) return { tone: 'busy', text: 'Replaying from the log' };
  if (stream.is === 'replaying') return { tone: 'busy', text: `Catching up: ${stream.done} of ${stream.of} events` };
  if (stream.is === 'caught up') {
    const events = stream.replayed === 1 ? 'event was' : 'events were';
    return { tone: 'good', text: `Live · caught up: ${stream.replayed} ${events} replayed` };
  }
  return watch.is === 'connecting' ? { tone: 'busy', text: 'Connecting' } : { tone: 'good', text: 'Live' };
}
