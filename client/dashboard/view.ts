/** What of a feed is shown: one kind, filtered; kept up to date by looking at what is new only. */
import { dataOf, type Entry, type Feed, type Kind } from './feed.js';
import { plain } from './format.js';

/** Which entries are wanted; all that is said must hold. */
export interface Filter {
  /** An item type. */
  readonly type: string;
  /** Fields of the data and the value each must have, or contain as a list; upper and lower case are alike. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Anywhere in the data. */
  readonly text: string;
}

/** Lets everything through. */
export const noFilter: Filter = { type: '', fields: [], text: '' };

/** Whether a filter lets an entry through. */
export function matches({ event }: Entry, { type, fields, text }: Filter): boolean {
  if (type !== '' && event.type !== type) return false;
  const data = dataOf(event);
  if (!fields.every(([name, value]) => hasValue(data[name], value))) return false;
  return text === '' || JSON.stringify(Object.values(data)).toLowerCase().includes(text.toLowerCase());
}

function hasValue(found: unknown, wanted: string): boolean {
  // What is wanted was read off the page: a value that is not there is a dash, an object its JSON.
  const isWanted = (value: unknown) => plain(value).toLowerCase() === wanted.toLowerCase();
  return Array.isArray(found) ? found.some(isWanted) : isWanted(found);
}

/** The entries of one kind that a filter lets through, oldest first. */
export class View {
  entries: Entry[] = [];
  #looked = 0;

  constructor(
    readonly feed: Feed,
    readonly kind: Kind,
    readonly filter: Filter,
  ) {}

  /** Takes over what has come and gone since it was last called. */
  update(): void {
    const { entries, taken, gone } = this.feed.shelves[this.kind];
    for (let i = Math.max(0, this.#looked - gone); i < entries.length; i++) {
      const entry = entries[i];
      if (entry !== undefined && matches(entry, this.filter)) this.entries.push(entry);
    }
    this.#looked = taken;
    const oldest = entries[0]?.offset ?? Number.POSITIVE_INFINITY;
    const staying = this.entries.findIndex(({ offset }) => offset >= oldest);
    if (staying !== 0) this.entries = staying < 0 ? [] : this.entries.slice(staying);
  }
}
