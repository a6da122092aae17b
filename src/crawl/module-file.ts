/** Spiders' modules on this machine's disk, and how they are loaded. */
import { createRequire } from 'node:module';
import { basename, extname, resolve } from 'node:path';
import { CrawlcastError } from '../errors.js';
import { defineSpider, type SpiderModule } from './module.js';
import { parseSpider, type Spider } from './spider.js';

/** The endings of modules. */
const moduleEndings: ReadonlySet<string> = new Set(['.ts', '.js', '.mjs']);

/** Whether a file is a spider's module, by its name; declarations of types are none. */
export function isModuleFile(file: string): boolean {
  return moduleEndings.has(extname(file)) && !file.endsWith('.d.ts');
}

/** What is wrong with a module that is to be a spider and has nothing that could be one. */
export const noDefaultExport = 'it has no default export: write export default defineSpider({ … })';

/**
 * Loads a module; its imports come from where it stands, those of `crawlcast` from here.
 * @throws CrawlcastError `spider.invalid`
 */
export async function loadModule(file: string): Promise<SpiderModule> {
  const loaded = await importSpider(file);
  if (loaded === undefined) throw new CrawlcastError('spider.invalid', noDefaultExport);
  return loaded;
}

/** @returns `undefined` where nothing is exported as default: then it is what spiders share, and none itself */
async function importSpider(file: string): Promise<SpiderModule | undefined> {
  const { createJiti } = await import('jiti');
  // Nothing is kept on the disk: what stands in a folder that others may write to is not to be run.
  const jiti = createJiti(import.meta.url, { fsCache: false, virtualModules: { crawlcast: { defineSpider } } });
  const exported = exportsOf(
    file,
    await jiti.import(resolve(file)).catch((error: unknown) => {
      throw withPlace(error);
    }),
  );
  const loaded = hasDefault(exported) ? exported.default : exported;
  // What spiders share may have a function of that name as well.
  if (isModule(loaded) && (hasDefault(exported) || 'start' in loaded)) return loaded;
  if (!hasDefault(exported)) return undefined;
  throw new CrawlcastError('spider.invalid', 'its default export is no spider: write start, and parse, a generator');
}

/** What a module exports: all that a CommonJS module does Node hands out as the default of another. */
function exportsOf(file: string, imported: unknown): unknown {
  const { cache } = createRequire(import.meta.url);
  return hasDefault(imported) && imported.default === cache[resolve(file)]?.exports ? imported.default : imported;
}

function hasDefault(exported: unknown): exported is { readonly default: unknown } {
  return typeof exported === 'object' && exported !== null && 'default' in exported;
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
 * @returns `undefined` where the module has no default export
 * @throws CrawlcastError `spider.invalid`
 */
export async function readModule(file: string): Promise<Spider | undefined> {
  const loaded = await importSpider(file);
  if (loaded === undefined) return undefined;
  const { parse: _, ...data } = loaded;
  for (const rule of ['items', 'follow']) {
    if (rule in data) throw new CrawlcastError('spider.invalid', `${rule}: a module yields them in parse`);
  }
  const spider = parseSpider({ name: basename(file, extname(file)), ...data, items: {} });
  return { ...spider, module: resolve(file) };
}
