/** Spiders' modules on this machine's disk, and how they are loaded. */
import { basename, extname, resolve } from 'node:path';
import { CrawlcastError } from '../errors.js';
import { defineSpider, type SpiderModule } from './module.js';
import { parseSpider, type Spider } from './spider.js';

/** The endings of modules. */
export const moduleEndings: ReadonlySet<string> = new Set(['.ts', '.js', '.mjs']);

/** Whether a file is a spider's module, by its name; declarations of types are none. */
export function isModuleFile(file: string): boolean {
  return moduleEndings.has(extname(file)) && !file.endsWith('.d.ts');
}

/**
 * Loads a module; its imports come from where it stands, those of `crawlcast` from here.
 * @throws CrawlcastError `spider.invalid`
 */
export async function loadModule(file: string): Promise<SpiderModule> {
  const { createJiti } = await import('jiti');
  // Nothing is kept on the disk: what stands in a folder that others may write to is not to be run.
  const jiti = createJiti(import.meta.url, { fsCache: false, virtualModules: { crawlcast: { defineSpider } } });
  const loaded: unknown = await jiti.import(resolve(file), { default: true }).catch((error: unknown) => {
    throw withPlace(error);
  });
  if (isModule(loaded)) return loaded;
  throw new CrawlcastError('spider.invalid', 'its default export is no spider: write start, and parse, a generator');
}

/** Where a file cannot be parsed, the second line of the message says in which and where. */
function withPlace(error: unknown): unknown {
  const [, what, place] =
    /^ParseError: (.*?)\s*\n\s*(\S.*:\d+:\d+)$/.exec(error instanceof Error ? error.message : '') ?? [];
  if (what === undefined) return error;
  return new CrawlcastError('spider.invalid', `${what} at ${place}`, { cause: error });
}

function isModule(loaded: unknown): loaded is SpiderModule {
  return typeof loaded === 'object' && loaded !== null && 'parse' in loaded && typeof loaded.parse === 'function';
}

/**
 * Reads the spider of a module: all of it but its code, which the threads load.
 * @throws CrawlcastError `spider.invalid`
 */
export async function readModule(file: string): Promise<Spider> {
  const { parse: _, ...data } = await loadModule(file);
  for (const rule of ['items', 'follow']) {
    if (rule in data) throw new CrawlcastError('spider.invalid', `${rule}: a module yields them in parse`);
  }
  const spider = parseSpider({ name: basename(file, extname(file)), ...data, items: {} });
  return { ...spider, module: resolve(file) };
}
