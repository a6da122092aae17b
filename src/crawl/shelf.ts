/** Where named spiders are found: built in, or in a folder on this machine. */
import { accessSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { CrawlcastError, messageOf } from '../errors.js';
import { quotes } from '../spiders/quotes.js';
import { isModuleFile, noDefaultExport, readModule } from './module-file.js';
import { parseSpider, type Spider } from './spider.js';

/** The spiders that a service knows by name. */
export interface SpiderShelf {
  /** @throws CrawlcastError `spider.unknown` */
  get(name: string): Spider;
  /** Ordered by name. */
  names(): string[];
  /** The error for a name that is none of those there are, `spider.unknown`. */
  unknown(name: string, known: readonly string[]): CrawlcastError;
}

const endings = new Set(['.json', '.yaml', '.yml']);

/** What stands beside modules for npm, compilers and editors. */
const companions = new Set(['package.json', 'package-lock.json', 'tsconfig.json', 'jsconfig.json']);

/**
 * Reads the built-in spider and those of a folder; one with a built-in's name takes its place. No folder, no more spiders.
 * @throws CrawlcastError `spider.invalid`: names the file
 */
export async function openShelf(
  folder: string | undefined,
  startUrl: readonly string[] | undefined,
): Promise<SpiderShelf> {
  const spiders = new Map<string, Spider>([[quotes.name, parseSpider(quotes)]]);
  const helpers: string[] = [];
  const files = folder === undefined ? [] : filesOf(folder);
  for (const file of files ?? []) {
    const spider = await readIfSpider(join(folder ?? '', file));
    if (spider === undefined) helpers.push(file);
    else spiders.set(spider.name, spider);
  }
  const builtIn = spiders.get(quotes.name);
  if (startUrl !== undefined && startUrl.length > 0 && builtIn !== undefined) {
    spiders.set(quotes.name, { ...builtIn, start: [...startUrl] });
  }
  const names = () => [...spiders.keys()].sort();
  const unknown = unknownOf(helpers, files === undefined);
  return {
    get(name) {
      const spider = spiders.get(name);
      if (spider === undefined) throw unknown(name, names());
      return spider;
    },
    names,
    unknown,
  };
}

/** Says what there is, and what may have become of the spider that somebody looks for. */
function unknownOf(helpers: readonly string[], isWithoutFolder: boolean): SpiderShelf['unknown'] {
  return (name, known) => {
    const helper = helpers.find((file) => basename(file, extname(file)) === name);
    const why = helper === undefined ? '' : ` (${helper}: ${noDefaultExport})`;
    const message = `there is no spider "${name.slice(0, 100)}"${why}; there are: ${known.join(', ')}`;
    // Not its path: this is an answer over HTTP as well.
    const missing = isWithoutFolder ? '; the folder of spiders (--spiders) does not exist' : '';
    return new CrawlcastError('spider.unknown', message + missing);
  };
}

/**
 * Reads a spider from a file: JSON, YAML, or a module. A spider without a name is called as its file.
 * @throws CrawlcastError `spider.invalid`: names the file, and the field
 */
export async function readSpider(file: string): Promise<Spider> {
  const spider = await readIfSpider(file);
  if (spider === undefined) throw new CrawlcastError('spider.invalid', `${file}: ${noDefaultExport}`);
  return spider;
}

/** As {@link readSpider}, but a module without a default export is no mistake: it is no spider, and `undefined`. */
async function readIfSpider(file: string): Promise<Spider | undefined> {
  try {
    if (isModuleFile(file)) {
      // What the loader says of a file that is not there is for programmers.
      accessSync(file);
      return await readModule(file);
    }
    const content = await parseText(readFileSync(file, 'utf8'), extname(file));
    const name = basename(file, extname(file));
    const isObject = typeof content === 'object' && content !== null && !Array.isArray(content);
    return parseSpider(isObject ? { name, ...content } : content);
  } catch (error) {
    throw new CrawlcastError('spider.invalid', `${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder; name a file in it';
  // Of a parser's message the first line: below it YAML's draws the place.
  return messageOf(error).split(/:?\n/)[0] ?? '';
}

async function parseText(text: string, ending: string): Promise<unknown> {
  if (ending === '.json') return JSON.parse(text.replace(/^\ufeff/, ''));
  if (endings.has(ending)) {
    const { parseAllDocuments } = await import('yaml');
    // Its warnings would be several lines.
    const [document, ...more] = parseAllDocuments(text, { logLevel: 'error' });
    if (more.length > 0)
      throw new CrawlcastError('spider.invalid', 'a file has one spider, this one has several (---)');
    const [error] = document?.errors ?? [];
    if (error !== undefined) throw error;
    const content: unknown = document?.toJS();
    checkEnds(content);
    return content;
  }
  throw new CrawlcastError('spider.invalid', 'a spider is a .json, .yaml, .yml, .ts, .js or .mjs file');
}

/** A spider is written as JSON wherever it goes; YAML can say what that cannot. */
function checkEnds(content: unknown): void {
  try {
    JSON.stringify(content);
  } catch (cause) {
    throw new CrawlcastError('spider.invalid', 'an alias (*) stands within what it is an alias of', { cause });
  }
}

/** Hidden files are those of editors and tools; `*.json` in a shell leaves them out as well. */
function isBeside(file: string): boolean {
  return companions.has(file) || file.startsWith('.');
}

/** @returns `undefined` where there is no folder */
function filesOf(folder: string): string[] | undefined {
  try {
    return readdirSync(folder)
      .filter((file) => (endings.has(extname(file)) || isModuleFile(file)) && !isBeside(file))
      .filter((file) => !statSync(join(folder, file), { throwIfNoEntry: false })?.isDirectory())
      .sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new CrawlcastError('usage.invalid', `the folder of spiders, ${folder}, cannot be read`, { cause: error });
  }
}
