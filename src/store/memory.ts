/** The store in memory: the reference, and what a crawl without a server uses. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SortedMap } from './sorted.js';
import type { Store } from './store.js';
import { openTableStore, type StoreOptions } from './table-store.js';
import type { Changes, Row, Tables, Visitor } from './tables.js';

/** A new store that is gone with the process. */
export function openMemoryStore(options: StoreOptions = {}): Promise<Store> {
  return openTableStore(new MemoryTables(), options);
}

class MemoryTables implements Tables {
  readonly #rows = new SortedMap<Buffer>();

  get(key: string): Buffer | undefined {
    return this.#rows.get(key);
  }

  range(from: string, to: string, limit: number): Row[] {
    const rows: Row[] = [];
    for (const row of this.#rows.from(from)) {
      if (row[0] >= to || rows.length === limit) break;
      rows.push(row);
    }
    return rows;
  }

  visit(from: string, to: string, visitor: Visitor): void {
    for (const [key, value] of this.#rows.from(from)) if (key >= to || !visitor(key, value)) return;
  }

  last(from: string, to: string): Row | undefined {
    const row = this.#rows.before(to);
    return row !== undefined && row[0] >= from ? row : undefined;
  }

  async write(changes: Changes): Promise<void> {
    for (const [key, value] of changes) {
      if (value === undefined) this.#rows.delete(key);
      else this.#rows.set(key, value);
    }
    // As a disk would: later, so that everybody else has a turn between two commits.
    await nextTurn();
  }

  async close(): Promise<void> {}
}
