/** Has a spider's own code read a page, and checks what it gives. */
import { basename } from 'node:path';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { isItemType } from '../events.js';
import type { Cancellation } from './cancellation.js';
import { compileExtraction } from './extraction.js';
import { createExtractor, type PageDocument, usualLimits } from './extractor.js';
import type { ExtractedLink } from './messages.js';
import type { SpiderModule } from './module.js';
import { createPage } from './module-page.js';
import type { OpenReader, PageReader, ReaderOptions } from './reader.js';

/** A page may give so much, as a document may have elements. */
const maxYields = 500_000;

/** Yields after which others get their turn. */
const turn = 100;

const noRules = compileExtraction({});

type Load = (onCode: () => void) => Promise<SpiderModule>;

/** How a spider's module reads pages; it is loaded with the first one. */
export function openModuleReader(file: string): OpenReader {
  let loading: Promise<SpiderModule> | undefined;
  const load = async (onCode: () => void) => {
    // Not with this module: few spiders are code, and what reads their files is a quarter of a thread's memory.
    const { loadModule } = await import('./module-file.js');
    // What stands at the top of the file is run by whoever comes first.
    if (loading === undefined) onCode();
    loading ??= loadModule(file);
    return loading;
  };
  return (options) => createModuleReader(file, load, options);
}

function stepsFor(body: string): number {
  return usualLimits.steps + usualLimits.stepsPerCharacter * body.length;
}

function createModuleReader(file: string, load: Load, options: ReaderOptions): PageReader {
  const { url, head, onCode, totalTimeoutMs, caller } = options;
  const extractor = createExtractor(noRules, options);
  let body = '';
  return {
    write(text) {
      body += text;
      extractor.write(text);
    },
    async end() {
      extractor.end();
      const document = extractor.document();
      try {
        const page = createPage({ url, head, body, document, budget: { left: stepsFor(body) } });
        const take = createTaker(options, document);
        const run = async (isOver: () => boolean) => {
          const spider = await load(onCode);
          onCode();
          return consume(spider.parse(page), take, options, isOver);
        };
        await inTime(run, totalTimeoutMs, caller);
      } catch (thrown) {
        throw new CrawlcastError('spider.failed', tell(file, thrown), { cause: thrown });
      }
    },
  };
}

/** Takes what the code yields, until it ends or somebody has lost patience. */
async function consume(given: unknown, take: Take, { pause }: ReaderOptions, isOver: () => boolean): Promise<void> {
  if (!isIterable(given)) throw new Error('parse has to be a generator: write function* or async function*');
  let yields = 0;
  for await (const value of given) {
    if (isOver()) break;
    if (++yields > maxYields) throw new Error(`parse yields more than ${maxYields} times for one page`);
    take(value);
    if (yields % turn === 0) await pause();
  }
}

function isIterable(given: unknown): given is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof given === 'object' && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given);
}

/** Code that waits for something that never comes holds its page no longer than a site may. */
async function inTime(
  run: (isOver: () => boolean) => Promise<void>,
  limitMs: number,
  caller: Cancellation,
): Promise<void> {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    const give = () => {
      isOver = true;
      reject(new Error(`parse takes longer than ${limitMs} ms`));
    };
    timer = setTimeout(give, limitMs);
    caller.onEnd(give);
  });
  return Promise.race([run(() => isOver), over]).finally(() => clearTimeout(timer));
}

type Take = (value: unknown) => void;

/** Turns what code yields into items and links. */
function createTaker({ onItem, onLink, maxBytes }: ReaderOptions, document: PageDocument | undefined): Take {
  function takeItem(type: unknown, data: unknown): void {
    if (typeof type !== 'string' || !isItemType(type)) throw new Error(`items cannot be called ${show(type)}`);
    if (!isRecord(data)) throw new Error(`the data of the item "${type}" is no object, but ${show(data)}`);
    const json = toJson(type, data);
    if (json.length > maxBytes) throw new Error(`the item "${type}" is longer than maxBytes, ${maxBytes}`);
    onItem({ type, data, json });
  }

  function takeLinks(followed: unknown, priority: unknown): void {
    if (priority !== undefined && !isPriority(priority)) {
      throw new Error(`the priority of a link is a whole number from -1000 to 1000, not ${show(priority)}`);
    }
    for (const link of (Array.isArray(followed) ? followed : [followed]).flatMap(linkIn)) {
      const url = document?.resolve(link.url) ?? link.url;
      const nofollow = document?.nofollow === true || link.nofollow;
      onLink(priority === undefined ? { url, nofollow } : { priority, url, nofollow });
    }
  }

  return (value) => {
    const isItem = isRecord(value) && 'item' in value;
    const isLinks = isRecord(value) && 'follow' in value;
    if (isItem && isLinks)
      throw new Error('parse yields {item, data} or {follow}, not both in one: yield them in turn');
    if (isItem) return takeItem(value.item, value.data);
    if (isLinks) return takeLinks(value.follow, value.priority);
    throw new Error(`parse yields {item, data} and {follow}, not ${show(value)}`);
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPriority(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 1_000;
}

function linkIn(followed: unknown): ExtractedLink[] {
  if (followed === null || followed === undefined) return [];
  if (typeof followed === 'string') return [{ url: followed, nofollow: false }];
  if (isRecord(followed) && typeof followed.url === 'string') {
    return [{ url: followed.url, nofollow: followed.nofollow === true }];
  }
  throw new Error(`a link is a URL, or what links() gives, not ${show(followed)}`);
}

function toJson(type: string, data: Record<string, unknown>): string {
  const json: unknown = JSON.stringify(data, (name, value: unknown) => {
    const strange = typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint';
    if (!strange && !(value instanceof Map) && !(value instanceof Set)) return value;
    throw new Error(`the item "${type}" has in "${name}" what JSON cannot say: ${show(value)}`);
  });
  if (typeof json === 'string' && json.startsWith('{')) return json;
  throw new Error(`the data of the item "${type}" is no object as JSON`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) {
    const { name } = value.constructor ?? Object;
    return name === 'Object' ? `{${Object.keys(value).slice(0, 10).join(', ')}}` : `an object (${name})`;
  }
  return typeof value === 'function' ? 'a function' : String(value);
}

/** What went wrong, and where in the file, as far as it is known. */
function tell(file: string, thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  const at = stack.indexOf(`${file}:`);
  const [line] = at < 0 ? [] : (/^\d+/.exec(stack.slice(at + file.length + 1)) ?? []);
  const [message = ''] = toCrawlcastError(thrown).message.split('\n');
  return `${basename(file)}${line === undefined ? '' : `:${line}`}: ${message.slice(0, 500)}`;
}
