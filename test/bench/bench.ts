/** `npm run bench`: ratios of contenders that take turns in one run. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { benchCrawl } from './crawl/crawl.js';
import { benchFanout } from './fanout/fanout.js';
import { benchFrontier } from './frontier/frontier.js';
import { benchLatency } from './latency/latency.js';
import { benchReplay } from './replay/replay.js';
import { type BenchName, type BenchOptions, readOptions } from './support/options.js';
import type { Row } from './support/row.js';
import { printTable } from './support/table.js';

const benches: Readonly<Record<BenchName, (options: BenchOptions) => Promise<Row[]>>> = {
  crawl: benchCrawl,
  latency: benchLatency,
  fanout: benchFanout,
  replay: benchReplay,
  frontier: benchFrontier,
};

// Children end with this process; it ends orderly, so that they learn of it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const options = readOptions(process.argv.slice(2));
const rows: Row[] = [];
for (const name of options.names) rows.push(...(await benches[name](options)));
const empty = rows.flatMap(({ what, ours, other = ours }) =>
  [ours, other].filter(({ readings, missing }) => readings.length === 0 && missing === undefined).map(() => what),
);
if (empty.length > 0) throw new Error(`no readings: ${empty.join('; ')}`);
const machine = {
  node: process.version,
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 2 ** 30),
};
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, options, rows }, null, 2)}\n`);
console.log(`\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}`);
console.log(`${options.rounds} rounds, ${options.workers[0]} workers; medians, with the least and the most\n`);
if (options.quick) console.log('A smoke test: every contender did its work, and the figures mean little.\n');
printTable(rows);
