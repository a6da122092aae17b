/** The rows of `fanout`: events as fast as they come, to very many subscribers. */
import { readFileSync } from 'node:fs';
import { startChild } from '../support/child.js';
import type { Counted, CountingOrder } from '../support/counting-subscribers.js';
import { anonymousOf, type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Reading, Row } from '../support/row.js';
import { type StreamServer, startBare, startLog } from '../support/servers.js';
import type { Protocol } from '../support/streams.js';

interface FanoutReading extends Spent {
  readonly deliveries: number;
  readonly seconds: number;
  /** Of the server's memory, for each subscriber that is there and has had nothing yet. */
  readonly idleKilobytes: number;
}

interface Case {
  readonly protocol: Protocol;
  readonly subscribers: number;
  readonly ours: FanoutReading[];
  readonly limit: FanoutReading[];
}

const warmUpDeliveries = 200_000;
/** To few subscribers a burst is over before it can be measured, so that there is more than one. */
const leastDeliveries = 2_000_000;

/** How much is sent. */
interface Load {
  readonly events: number;
  readonly bursts: (subscribers: number) => number;
}

/** Runs them. */
export async function benchFanout(options: BenchOptions): Promise<Row[]> {
  const load: Load = options.quick
    ? { events: 200, bursts: () => 1 }
    : { events: 2_000, bursts: (subscribers) => Math.ceil(leastDeliveries / 2_000 / subscribers) };
  const sizes = (options.quick ? [20, 200] : [100, 1_000, 10_000]).map((size) => Math.min(size, mostStreams()));
  const cases = (['sse', 'ws'] as const).flatMap((protocol) =>
    sizes.map((subscribers): Case => ({ protocol, subscribers, ours: [], limit: [] })),
  );
  for (let round = 0; round < options.rounds; round++) {
    for (const one of cases) {
      one.ours.push(await run('ours', startLog, one, load));
      one.limit.push(await run('bare loop', startBare, one, load));
    }
  }
  const memory = cases.filter(({ subscribers }) => subscribers === sizes.at(-1));
  return [...cases.map(rateRow), ...memory.map(memoryRow)];
}

/** Each stream is a file here and one in the server; some are needed for other things. */
function mostStreams(): number {
  const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(most) - 200;
}

async function run(
  name: string,
  start: () => Promise<StreamServer>,
  { protocol, subscribers }: Case,
  { events, bursts: burstsFor }: Load,
): Promise<FanoutReading> {
  const server = await start();
  const readers = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
  try {
    const { pid } = server.child;
    // What only the first stream needs is no cost of each.
    const first = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
    await first.ask({ port: server.port, protocol, count: 1 } satisfies CountingOrder);
    await first.end();
    await server.child.ask('measure');
    const before = anonymousOf(pid);
    await readers.ask({ port: server.port, protocol, count: subscribers } satisfies CountingOrder);
    await server.child.ask('measure');
    const idleKilobytes = ((anonymousOf(pid) - before) * 1_024) / subscribers;
    // Code that has not run yet is slow, whose ever it is.
    let inLog = Math.min(events, Math.ceil(warmUpDeliveries / subscribers));
    await Promise.all([readers.ask({ events: inLog }), server.child.ask({ append: inLog })]);
    const meter = startMeter([pid]);
    const bursts = burstsFor(subscribers);
    let seconds = 0;
    for (let burst = 0; burst < bursts; burst++) {
      inLog += events;
      const startMs = performance.timeOrigin + performance.now();
      const counted = readers.ask<Counted>({ events: inLog });
      await server.child.ask({ append: events });
      seconds += ((await counted).atMs - startMs) / 1_000;
    }
    const reading = { deliveries: bursts * events * subscribers, seconds, idleKilobytes };
    const spent = meter.stop();
    const rate = Math.round(reading.deliveries / reading.seconds);
    const idle = idleKilobytes.toFixed(1);
    console.error(`fanout: ${name}, ${subscribers} over ${protocol}: ${rate} deliveries/s, idle ${idle} KB each`);
    return { ...reading, ...spent };
  } finally {
    await readers.end();
    await server.end();
  }
}

function rateRow({ protocol, subscribers, ours, limit }: Case): Row {
  const readings = (of: readonly FanoutReading[]) =>
    of.map((reading): Reading => ({ value: reading.deliveries / reading.seconds, ...costOf(reading) }));
  return {
    bench: 'fanout',
    what: `${subscribers} subscribers, ${protocol === 'sse' ? 'SSE' : 'WebSocket'}`,
    unit: 'deliveries/s',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop', readings: readings(limit) },
    goal: { of: 'ratio', atLeast: 0.7 },
  };
}

function memoryRow({ protocol, subscribers, ours, limit }: Case): Row {
  const readings = (of: readonly FanoutReading[]) => of.map(({ idleKilobytes: value }): Reading => ({ value }));
  return {
    bench: 'fanout',
    what: `an idle one of ${subscribers}, ${protocol === 'sse' ? 'SSE' : 'WebSocket'}`,
    unit: 'KB',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop', readings: readings(limit) },
    goal: { of: 'ratio', atMost: 2 },
  };
}

function costOf({ cpuSeconds, deliveries, peakRssMb }: FanoutReading): Omit<Reading, 'value'> {
  return { cpuMicros: (cpuSeconds / deliveries) * 1e6, peakRssMb };
}
