/** Figures for Prometheus, counted by a reader of the log like any other. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Runner } from '../crawl/runner.js';
import { isItemEvent } from '../events.js';
import { dataOf, eventTime } from '../events-json.js';
import { follow } from '../store/follow.js';
import type { Batch, Store } from '../store/store.js';
import type { Hub } from './hub.js';

/** The figures of one service since it was started. */
export interface Metrics {
  readonly contentType: string;
  /** Takes how long the extraction of an item took. */
  observeExtraction(ms: number): void;
  /** In the text format of Prometheus. */
  render(): Promise<string>;
  close(): void;
}

/** What the figures are taken from. */
export interface MetricsSources {
  readonly store: Store;
  readonly runner: Runner;
  readonly hub: Hub;
  /** Told why the counting ended, if it did before the service. */
  readonly onError?: (error: unknown) => void;
}

/** Types of items are named by spiders: beyond so many they are counted together. */
const maxItemTypes = 100;

const prefix = 'crawlcast_';
/** In seconds. */
const fetchBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Begins to count at the end of the log. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix });
  const stop = new AbortController();
  const count = countEvents(registry);
  const { store, hub, onError } = sources;
  const countAll = async () => {
    for await (const batch of follow(store.log, store.log.last, stop.signal)) count(batch);
  };
  countAll().catch((error) => onError?.(error));
  const fanOut = new Histogram({
    name: `${prefix}fan_out_duration_seconds`,
    help: 'From an append until every subscriber with room has been handed what it asked for.',
    buckets: latencyBuckets,
    registers: [registry],
  });
  hub.onPumped = (ms) => fanOut.observe(ms / 1_000);
  const extraction = new Histogram({
    name: `${prefix}item_extraction_latency_seconds`,
    help: 'From the arrival of the bytes that closed an item until it was extracted; of one item in each step of a page.',
    buckets: latencyBuckets,
    registers: [registry],
  });
  addGauges(registry, sources);
  return {
    contentType: registry.contentType,
    observeExtraction: (ms) => extraction.observe(ms / 1_000),
    render: () => registry.metrics(),
    close: () => stop.abort(),
  };
}

/** What each event adds. */
function countEvents(registry: Registry): (batch: Batch) => void {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: prefix + name, help, labelNames, registers });
  const pages = counter('pages_total', 'Pages fetched and done.');
  const bytes = counter('bytes_total', 'Bytes of pages, after decompression.');
  const items = counter('items_total', 'Items extracted.', 'type');
  const failures = counter('page_failures_total', 'Pages given up, by the code of the error.', 'code');
  const skipped = counter('pages_skipped_total', 'Links not followed, by the reason.', 'reason');
  const fetching = new Histogram({
    name: `${prefix}fetch_duration_seconds`,
    help: 'From the request for a page to the end of its body.',
    buckets: fetchBuckets,
    registers,
  });
  const durable = new Histogram({
    name: `${prefix}item_durable_latency_seconds`,
    help: 'From the extraction of an item until it was durable in the log; of one item in each append.',
    buckets: latencyBuckets,
    registers,
  });
  const types = new Set<string>();
  const shown = (type: string) => {
    if (types.size < maxItemTypes) types.add(type);
    return types.has(type) ? type : 'other';
  };
  const known: Readonly<Record<string, (json: Buffer) => void>> = {
    'page.failed': (json) => failures.inc({ code: dataOf(json, 'page.failed').error }),
    'page.skipped': (json) => skipped.inc({ reason: dataOf(json, 'page.skipped').reason }),
  };
  return (batch) => {
    let item: number | undefined;
    // Items are many, and of few types.
    const found = new Map<string, number>();
    let pageCount = 0;
    let byteCount = 0;
    // Each event of a crawl comes by here: none is made an object for it.
    for (let place = 0; place < batch.length; place++) {
      const type = batch.typeAt(place);
      if (isItemEvent(type)) {
        found.set(type, (found.get(type) ?? 0) + 1);
        item = place;
      } else if (type === 'page') {
        const page = dataOf(batch.jsonAt(place), 'page');
        fetching.observe(page.ms / 1_000);
        pageCount += 1;
        byteCount += page.bytes;
      } else known[type]?.(batch.jsonAt(place));
    }
    if (pageCount > 0) pages.inc(pageCount);
    if (byteCount > 0) bytes.inc(byteCount);
    for (const [type, count] of found) items.inc({ type: shown(type) }, count);
    if (item !== undefined) durable.observe(Math.max(0, Date.now() - eventTime(batch.jsonAt(item))) / 1_000);
  };
}

/** Figures that somebody else keeps: they are read when the metrics are asked for. */
function addGauges(registry: Registry, { store, runner, hub }: MetricsSources): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: prefix + name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  const running = (name: 'queued' | 'inFlight') => () => {
    let sum = 0;
    for (const { id, state } of store.crawls()) {
      if (state === 'running' || state === 'paused') sum += runner.snapshot(id)?.stats[name] ?? 0;
    }
    return sum;
  };
  gauge('frontier_queued', 'URLs that crawls still have to fetch.', running('queued'));
  gauge('inflight', 'Pages being fetched.', running('inFlight'));
  gauge('log_first_offset', 'Offset of the oldest event that is kept.', () => store.log.first);
  gauge('log_last_offset', 'Offset of the newest event.', () => store.log.last);
  gauge('subscriber_lag_events_max', 'Events that the slowest subscriber has before it.', () => hub.maxLag);
  new Gauge({
    name: `${prefix}subscribers`,
    help: 'Open streams.',
    labelNames: ['protocol'],
    registers: [registry],
    collect() {
      for (const [protocol, size] of Object.entries(hub.sizes)) this.set({ protocol }, size);
    },
  });
}
