/** The rows of `replay`: readers that want the whole log at once, and one that follows it live meanwhile. */
import { startChild } from '../support/child.js';
import type { Counted, CountingOrder } from '../support/counting-subscribers.js';
import { type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Reading, Row } from '../support/row.js';
import { type StreamServer, startBare, startLog } from '../support/servers.js';
import type { Timed, TimedOrder } from '../support/timed-subscribers.js';

/** Events a second that the live reader follows. */
const livePace = 50;

interface ReplayReading extends Spent {
  readonly events: number;
  readonly seconds: number;
  /** Of the live reader, in milliseconds; absent where there was none. */
  readonly liveP99?: number;
}

interface Case {
  readonly readers: number;
  readonly ours: ReplayReading[];
  readonly limit: ReplayReading[];
}

/** Runs them. */
export async function benchReplay(options: BenchOptions): Promise<Row[]> {
  const events = options.quick ? 10_000 : 100_000;
  const cases = (options.quick ? [1, 10] : [1, 50]).map((readers): Case => ({ readers, ours: [], limit: [] }));
  for (let round = 0; round < options.rounds; round++) {
    await runAll('ours', startLog, cases, events, 'ours');
    await runAll('bare loop', startBare, cases, events, 'limit');
  }
  const last = cases.at(-1);
  return [...cases.map(rateRow), ...(last === undefined ? [] : [liveRow(last)])];
}

/** One server has the log, and is read from by one reader, then by many at once. */
async function runAll(
  name: string,
  start: () => Promise<StreamServer>,
  cases: readonly Case[],
  events: number,
  side: 'ours' | 'limit',
): Promise<void> {
  const server = await start();
  try {
    await server.child.ask({ append: events });
    let bytes: number | undefined;
    for (const one of cases) {
      const isLast = one === cases.at(-1);
      const aim = bytes === undefined ? { events } : { bytes };
      const replayed = await (isLast ? replayBesideLive : replay)(server, one.readers, aim);
      bytes = replayed.bytes;
      const reading = { ...replayed, events: events * one.readers };
      const rate = Math.round(reading.events / reading.seconds);
      const live = reading.liveP99 === undefined ? '' : `, live p99 ${reading.liveP99.toFixed(2)} ms`;
      console.error(`replay: ${name}, ${one.readers} at once: ${rate} events/s${live}`);
      one[side].push(reading);
    }
  } finally {
    await server.end();
  }
}

type Replayed = Omit<ReplayReading, 'events'> & Pick<Counted, 'bytes'>;

/**
 * Reads from the first event on.
 * @param aim events where nothing else is appended meanwhile, else the bytes that they are
 */
async function replay(
  server: StreamServer,
  readers: number,
  aim: { readonly events: number } | { readonly bytes: number },
): Promise<Replayed> {
  const load = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
  try {
    await load.ask('ready' satisfies CountingOrder);
    const meter = startMeter([server.child.pid]);
    const startMs = performance.timeOrigin + performance.now();
    const order = { port: server.port, protocol: 'sse', count: readers, query: '?since=0' } satisfies CountingOrder;
    await load.ask(order);
    const { atMs, bytes } = await load.ask<Counted>(aim);
    return { seconds: (atMs - startMs) / 1_000, bytes, ...meter.stop() };
  } finally {
    await load.end();
  }
}

async function replayBesideLive(...all: Parameters<typeof replay>): Promise<Replayed> {
  const [server] = all;
  const live = startChild(new URL('../support/timed-subscribers.js', import.meta.url));
  try {
    const order: TimedOrder = { port: server.port, protocol: 'sse', count: 1, skip: livePace, take: 1 };
    await live.ask(order);
    await server.child.ask({ live: livePace });
    // From the first that counts on it is warm.
    await live.ask('report');
    const replayed = await replay(...all);
    const { p99 } = await live.ask<Timed>('report');
    return { ...replayed, liveP99: p99 };
  } finally {
    await live.end();
  }
}

function rateRow({ readers, ours, limit }: Case): Row {
  const readings = (of: readonly ReplayReading[]) =>
    of.map(({ events, seconds, cpuSeconds, peakRssMb }): Reading => {
      return { value: events / seconds, cpuMicros: (cpuSeconds / events) * 1e6, peakRssMb };
    });
  return {
    bench: 'replay',
    what: readers === 1 ? '1 reader' : `${readers} readers at once`,
    unit: 'events/s',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop, log in memory', readings: readings(limit) },
    goal: { of: 'ours', atLeast: 500_000 },
  };
}

function liveRow({ readers, ours, limit }: Case): Row {
  const readings = (of: readonly ReplayReading[]) =>
    of.flatMap(({ liveP99 }): Reading[] => (liveP99 === undefined ? [] : [{ value: liveP99 }]));
  return {
    bench: 'replay',
    what: `a live one's p99 beside ${readers}`,
    unit: 'ms',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop, log in memory', readings: readings(limit) },
  };
}
