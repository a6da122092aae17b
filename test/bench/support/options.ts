/** What can be said on the command line of the benchmarks. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

/** The benchmarks, in the order in which they run. */
export const benchNames = ['crawl', 'latency', 'fanout', 'replay', 'frontier'] as const;

/** One of them. */
export type BenchName = (typeof benchNames)[number];

/** How the benchmarks run. */
export interface BenchOptions {
  readonly names: readonly BenchName[];
  /** How often each contender has its turn. */
  readonly rounds: number;
  /** Sizes of the sites that are crawled. */
  readonly pages: readonly number[];
  /** How many pages the slow peers crawl. */
  readonly peerPages: number;
  /** Threads of the service that fetch and parse: what is measured with, and what the crawl is measured with besides. */
  readonly workers: readonly [number, ...number[]];
  /** Small enough for a smoke test: every row is there, its figures mean little. */
  readonly quick: boolean;
  /** Where all readings are written. */
  readonly json: string | undefined;
}

const usage = `npm run bench -- [${benchNames.join('|')} ...] [options]
  --rounds N       turns of each contender (default 5)
  --pages N,M      sizes of the sites to crawl (default 2000,20000)
  --peer-pages N   pages that the slow peers crawl (default 1000)
  --workers N      threads of the service that fetch and parse (default: as the service has it; crawl: one for every core, too)
  --quick          a smoke test: small, one round
  --json FILE      write all readings`;

/** Reads the arguments; ends the process where they make no sense. */
export function readOptions(args: readonly string[]): BenchOptions {
  try {
    return parseOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}

function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      pages: { type: 'string' },
      'peer-pages': { type: 'string' },
      workers: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const { quick } = values;
  const pages = values.pages ?? (quick ? '100,300' : '2000,20000');
  return {
    names: positionals.length === 0 ? benchNames : positionals.map(benchNamed),
    rounds: whole(values.rounds ?? (quick ? '1' : '5')),
    pages: pages.split(',').map(whole),
    peerPages: whole(values['peer-pages'] ?? (quick ? '40' : '1000')),
    workers: values.workers === undefined ? defaultWorkers() : [whole(values.workers)],
    quick,
    json: values.json,
  };
}

function defaultWorkers(): [number, ...number[]] {
  const cores = availableParallelism();
  return cores === 1 ? [1] : [cores - 1, cores];
}

function benchNamed(name: string): BenchName {
  const found = benchNames.find((known) => known === name);
  if (found === undefined) throw new Error(`there is no benchmark "${name}"`);
  return found;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`"${text}" is not a whole number from 1`);
  return value;
}
