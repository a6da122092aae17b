/** All spiders that a running service knows by name: those of its shelf, and those that were stored over HTTP. */
import { CrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';
import { refuseHidden } from './secrets.js';
import type { SpiderShelf } from './shelf.js';
import { parseSpider, type Spider, type SpiderInput, writeSpider } from './spider.js';

/** The shelf, to which spiders can be added; what is on the shelf itself stays as it is. */
export interface SpiderLibrary extends Pick<SpiderShelf, 'get' | 'names'> {
  /** Whether a spider is of this machine, or was stored over HTTP. */
  origin(name: string): 'local' | 'http';
  /**
   * A spider as it can be written: one that was stored as it was, another with every default.
   * @throws CrawlcastError `spider.unknown`
   */
  definition(name: string): SpiderInput;
  /**
   * Stores a spider; true where it is new.
   * @throws CrawlcastError `spider.invalid`; `spider.fixed` where the shelf has one of that name
   */
  put(name: string, input: unknown): Promise<boolean>;
  /** @throws CrawlcastError `spider.unknown`; `spider.fixed` where it is on the shelf */
  delete(name: string): Promise<void>;
}

const collection = 'spiders';

/** Puts the stored spiders beside those of a shelf. */
export function openLibrary(shelf: SpiderShelf, store: Store): SpiderLibrary {
  const isOnShelf = (name: string) => shelf.names().includes(name);
  const stored = (name: string) =>
    // Checked before it was written, and written by nobody else.
    isOnShelf(name) ? undefined : (store.document(collection, name) as SpiderInput | undefined);
  const names = () => {
    const keys = Array.from(store.documents(collection), ({ key }) => key);
    return [...new Set([...shelf.names(), ...keys])].sort();
  };
  const write = (name: string, value: unknown) =>
    store.commit({ crawl: '', documents: [{ collection, key: name, value }] });

  function find(name: string): SpiderInput | undefined {
    const input = stored(name);
    if (input !== undefined || isOnShelf(name)) return input;
    throw shelf.unknown(name, names().slice(0, maxNamed));
  }

  function get(name: string): Spider {
    const input = find(name);
    return input === undefined ? shelf.get(name) : parseSpider(input);
  }

  function refuseShelf(name: string): void {
    if (!isOnShelf(name)) return;
    throw new CrawlcastError(
      'spider.fixed',
      `"${name}" is built in, or a file on the machine of the service: choose another name, or change the file there`,
    );
  }

  return {
    get,
    names,
    origin: (name) => (isOnShelf(name) ? 'local' : 'http'),
    definition: (name) => find(name) ?? writeSpider(shelf.get(name)),
    async put(name, input) {
      const named = withName(name, input);
      refuseHidden(parseSpider(named));
      refuseShelf(name);
      const isNew = stored(name) === undefined;
      await write(name, named);
      return isNew;
    },
    async delete(name) {
      refuseShelf(name);
      find(name);
      await write(name, undefined);
    },
  };
}

/** Names that are offered to whoever asked for another. */
const maxNamed = 20;

/** @throws CrawlcastError `spider.invalid` where the spider has another name than its place */
function withName(name: string, input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  if (!('name' in input) || input.name === name) return { name, ...input };
  throw new CrawlcastError('spider.invalid', `name: it is stored as "${name}", so write that, or leave the name out`);
}
