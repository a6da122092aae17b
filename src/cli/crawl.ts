/** `crawlcast crawl`: one crawl without a server. */

import { once } from 'node:events';
import { createWriteStream, statSync, type WriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openShelf, readSpider } from '../crawl/shelf.js';
import type { Spider } from '../crawl/spider.js';
import { CrawlcastError } from '../errors.js';
import { type CrawlStats, isItemEvent } from '../events.js';
import { dataOf, dataText } from '../events-json.js';
import { exportFormats, exportItems } from '../serve/export.js';
import { createEngine, type Engine } from '../service.js';
import { openEmbeddedStore } from '../store/embedded.js';
import type { LogEvent, Store } from '../store/store.js';
import { Findings } from './findings.js';
import { followCrawl } from './follow-crawl.js';
import { makeTemporaryFolder } from './temporary-folder.js';
import { counted, showProgress, untilInterrupted } from './terminal.js';

/** Options as the command line gives them. */
export interface CrawlOptions {
  readonly output?: string;
  readonly spiders: string;
  readonly startUrl?: readonly string[];
  readonly workers: number;
}

/** Runs one crawl; the process ends with 0 when it finished, 1 when it failed. */
export async function crawlOnce(name: string, options: CrawlOptions): Promise<void> {
  const format = formatOf(options.output);
  const spider = await findSpider(name, options);
  // Before anything is fetched: a crawl may take hours.
  const draft = options.output === undefined ? undefined : await openDraft(options.output);
  const store = await openEmbeddedStore(makeTemporaryFolder('crawl'));
  const engine = createEngine(store, { workers: options.workers, allowPrivateNetworks: true });
  try {
    const { id } = await engine.runner.start({ spider, origin: 'local' });
    const { output } = options;
    const findings = new Findings(spider);
    const { last, firstFailures, firstSkips } = await watch(store, engine, id, findings, output === undefined);
    const isWhole = last?.type === 'crawl.finished';
    if (output !== undefined && draft !== undefined && format !== undefined) {
      await pipeline(Readable.from(exportItems(store, { crawl: id, until: store.log.last }, format)), draft);
      await putInPlace(output, isWhole);
    }
    const stats = engine.runner.snapshot(id)?.stats;
    // Why a whole crawl failed is said at the end.
    if (last?.type !== 'crawl.failed') tellFailures(firstFailures, stats?.failed ?? 0);
    // Nobody sees its events here.
    else for (const line of firstSkips) process.stderr.write(`crawlcast: ${line}\n`);
    if (process.stderr.isTTY) tellEnd(stats, findings, isWhole ? output : undefined);
    process.exitCode = conclude(last);
  } finally {
    await engine.close();
    await store.close();
  }
}

/** What has been seen of a crawl. */
interface Seen {
  /** Its last event; absent where it was interrupted. */
  readonly last: LogEvent | undefined;
  /** What is told of the first pages that failed, and the first links that were skipped. */
  readonly firstFailures: readonly string[];
  readonly firstSkips: readonly string[];
}

/** Shows a crawl until it is over, or interrupted. */
async function watch(
  store: Store,
  { runner }: Engine,
  id: string,
  findings: Findings,
  toStdout: boolean,
): Promise<Seen> {
  const progress = showProgress(() => runner.snapshot(id)?.stats);
  const firstFailures: string[] = [];
  const firstSkips: string[] = [];
  const over = followCrawl(store, id, (event) => {
    findings.see(event);
    if (event.type === 'page.failed' && firstFailures.length < maxFailures) firstFailures.push(failureLine(event));
    if (event.type === 'page.skipped' && firstSkips.length < maxFailures) firstSkips.push(skipLine(event));
    if (toStdout && isItemEvent(event.type)) progress.print(dataText(event.json).toString('utf8'));
  });
  const last = await Promise.race([over, untilInterrupted().then(() => undefined)]);
  progress.stop();
  return { last, firstFailures, firstSkips };
}

function formatOf(file: string | undefined) {
  if (file === undefined) return undefined;
  const format = exportFormats.find((one) => `.${one}` === extname(file).toLowerCase());
  if (format !== undefined) return format;
  throw new CrawlcastError('usage.invalid', `"${file}": the name of the output ends with .jsonl, .json or .csv`);
}

async function findSpider(name: string, { spiders, startUrl }: CrawlOptions): Promise<Spider> {
  if (/^https?:/i.test(name)) {
    const message = `"${name}" is no spider: name one, or its file, and give the page with --start-url`;
    throw new CrawlcastError('usage.invalid', message);
  }
  const isFile = /[/\\]|\.(json|ya?ml|ts|m?js)$/.test(name);
  const spider = isFile ? await readSpider(name) : (await openShelf(spiders, undefined)).get(name);
  return startUrl === undefined ? spider : { ...spider, start: [...startUrl] };
}

/** Items are written beside their place, and moved there when they are whole: what stands there may be of a crawl that has finished. */
const draftOf = (file: string) => `${file}.part`;

async function openDraft(file: string): Promise<WriteStream> {
  const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder) throw new CrawlcastError('usage.invalid', `"${file}" cannot be written: it is a folder`);
  const draft = createWriteStream(draftOf(file));
  await once(draft, 'open').catch((error: Error) => {
    throw new CrawlcastError('usage.invalid', `"${file}" cannot be written: ${error.message}`);
  });
  return draft;
}

async function putInPlace(file: string, isWhole: boolean): Promise<void> {
  if (isWhole) await rename(draftOf(file), file);
  else process.stderr.write(`crawlcast: what had come is in ${draftOf(file)}; ${file} is as it was\n`);
}

function failureLine({ json }: LogEvent): string {
  const { url, message } = dataOf(json, 'page.failed');
  return `${url}: ${message}`;
}

function skipLine({ json }: LogEvent): string {
  const { url, reason } = dataOf(json, 'page.skipped');
  return `${url}: skipped (${reason})`;
}

/** So many are told. */
const maxFailures = 10;

function tellFailures(first: readonly string[], count: number): void {
  const rest = count > first.length ? [`${counted(count - first.length, 'more page')} failed`] : [];
  for (const line of [...first, ...rest]) process.stderr.write(`crawlcast: ${line}\n`);
}

/** For people: scripts have the exit code. */
function tellEnd(stats: CrawlStats | undefined, findings: Findings, file: string | undefined): void {
  if (stats === undefined) return;
  for (const line of findings.complaints) process.stderr.write(`crawlcast: ${line}\n`);
  const failed = stats.failed === 0 ? '' : `, ${counted(stats.failed, 'page')} failed`;
  const where = file === undefined ? '' : ` in ${file}`;
  process.stderr.write(`${counted(stats.items, 'item')} from ${counted(stats.pages, 'page')}${failed}${where}\n`);
}

function conclude(last: LogEvent | undefined): number {
  if (last === undefined) return 130;
  if (last.type === 'crawl.finished') return 0;
  const data: unknown = JSON.parse(dataText(last.json).toString('utf8'));
  const message = typeof data === 'object' && data !== null && 'message' in data ? String(data.message) : last.type;
  process.stderr.write(`crawlcast: the crawl failed: ${message}\n`);
  return 1;
}
