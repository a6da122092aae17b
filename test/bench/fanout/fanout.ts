/** The rows of `fanout`: events as fast as they come, to very many subscribers. */
import { readFileSync } from 'node:fs';
import { startChild } from '../support/child.js';
import type { Counted, CountingOrder } from '../support/counting-subscribers.js';
import { type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Reading, Row } from '../support/row.js';
import { type StreamServer, startBare, startLog } from '../support/servers.js';
import type { Protocol } from '../support/streams.js';

interface FanoutReading extends Spent {
  readonly deliveries: number;
  readonly seconds: number;
}

interface Case {
  readonly protocol: Protocol;
  readonly subscribers: number;
  readonly ours: FanoutReading[];
  readonly limit: FanoutReading[];
  /** Kilobytes that a server holds for each idle subscriber; measured with the most of them alone. */
  readonly idle: { readonly ours: Reading[]; readonly limit: Reading[] };
}

/** Code that has not run yet is slow, whose ever it is: so many events go to one subscriber before the others come, */
const warmUpEvents = 20_000;
/** and so many deliveries are made to all of them. */
const warmUpDeliveries = 200_000;
/** To few subscribers a burst is over before it can be measured, so that there is more than one. */
const leastDeliveries = 2_000_000;

/** How much is sent. */
interface Load {
  readonly warmUp: number;
  readonly events: number;
  readonly bursts: (subscribers: number) => number;
}

/** Runs them. */
export async function benchFanout(options: BenchOptions): Promise<Row[]> {
  const load: Load = options.quick
    ? { warmUp: 200, events: 200, bursts: () => 1 }
    : {
        warmUp: warmUpEvents,
        events: 2_000,
        bursts: (subscribers) => Math.ceil(leastDeliveries / 2_000 / subscribers),
      };
  const sizes = (options.quick ? [20, 200] : [100, 1_000, 10_000]).map((size) => Math.min(size, mostStreams()));
  const cases = (['sse', 'ws'] as const).flatMap((protocol) =>
    sizes.map((subscribers): Case => ({ protocol, subscribers, ours: [], limit: [], idle: { ours: [], limit: [] } })),
  );
  for (let round = 0; round < options.rounds; round++) {
    for (const one of cases) {
      one.ours.push(await run('ours', startLog, one, load));
      one.limit.push(await run('bare loop', startBare, one, load));
      if (one.subscribers !== sizes.at(-1)) continue;
      one.idle.ours.push(await measureIdle('ours', startLog, one));
      one.idle.limit.push(await measureIdle('bare loop', startBare, one));
    }
  }
  const memory = cases.filter(({ subscribers }) => subscribers === sizes.at(-1));
  return [...cases.map(rateRow), ...memory.map(memoryRow)];
}

/** Each stream is a file here and one in the server; some are needed for other things. */
function mostStreams(): number {
  const [, most] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Math.floor((Number(most) - 200) / 2) * 2;
}

async function run(
  name: string,
  start: () => Promise<StreamServer>,
  { protocol, subscribers }: Case,
  { warmUp, events, bursts: burstsFor }: Load,
): Promise<FanoutReading> {
  const server = await start();
  const readers = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
  try {
    const { pid } = server.child;
    await warm(server, protocol, warmUp);
    await readers.ask({ port: server.port, protocol, count: subscribers } satisfies CountingOrder);
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
    const reading = { deliveries: bursts * events * subscribers, seconds };
    const spent = meter.stop();
    const rate = Math.round(reading.deliveries / reading.seconds);
    console.error(`fanout: ${name}, ${subscribers} over ${protocol}: ${rate} deliveries/s`);
    return { ...reading, ...spent };
  } finally {
    await readers.end();
    await server.end();
  }
}

async function warm({ child, port }: StreamServer, protocol: Protocol, events: number): Promise<void> {
  const one = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
  await one.ask({ port, protocol, count: 1 } satisfies CountingOrder);
  await Promise.all([one.ask({ events }), child.ask({ append: events })]);
  await one.end();
}

/** What each one more holds that has had nothing yet. It comes when half of them are there, and all else has been started. */
async function measureIdle(
  name: string,
  start: () => Promise<StreamServer>,
  { protocol, subscribers }: Case,
): Promise<Reading> {
  const { child, port, end } = await start();
  const readers = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
  try {
    const half = { port, protocol, count: subscribers / 2 } satisfies CountingOrder;
    const held: number[] = [];
    for (let part = 0; part < 2; part++) {
      await readers.ask(half);
      held.push(await child.ask<number>('measure'));
    }
    const [before = 0, after = 0] = held;
    const value = ((after - before) * 1_024) / half.count;
    console.error(`fanout: ${name}, ${subscribers} over ${protocol}: idle ${value.toFixed(2)} KB each`);
    return { value };
  } finally {
    await readers.end();
    await end();
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

function memoryRow({ protocol, subscribers, idle }: Case): Row {
  return {
    bench: 'fanout',
    what: `an idle one of ${subscribers}, ${protocol === 'sse' ? 'SSE' : 'WebSocket'}`,
    unit: 'KB',
    ours: { name: 'ours', readings: idle.ours },
    other: { name: 'bare uWS loop', readings: idle.limit },
    goal: { of: 'ratio', atMost: 2 },
  };
}

function costOf({ cpuSeconds, deliveries, peakRssMb }: FanoutReading): Omit<Reading, 'value'> {
  return { cpuMicros: (cpuSeconds / deliveries) * 1e6, peakRssMb };
}
