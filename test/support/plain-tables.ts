/** A table that is nothing but a sorted map. */
import { SortedMap } from '#src/store/sorted.js';
import type { Changes, Row, Tables, Visitor } from '#src/store/tables.js';

/** Keeps what is written to it. */
export class PlainTables implements Tables {
  readonly rows = new SortedMap<Buffer>();

  get(key: string): Buffer | undefined {
    return this.rows.get(key);
  }

  range(from: string, to: string, limit: number): Row[] {
    const found: Row[] = [];
    for (const row of this.rows.from(from)) {
      if (row[0] >= to || found.length === limit) break;
      found.push(row);
    }
    return found;
  }

  visit(from: string, to: string, visitor: Visitor): void {
    for (const [key, value] of this.rows.from(from)) if (key >= to || !visitor(key, value)) return;
  }

  last(from: string, to: string): Row | undefined {
    const row = this.rows.before(to);
    return row !== undefined && row[0] >= from ? row : undefined;
  }

  async write(changes: Changes): Promise<void> {
    for (const [key, value] of changes) {
      if (value === undefined) this.rows.delete(key);
      else this.rows.set(key, value);
    }
  }

  async close(): Promise<void> {}
}

/** One that cannot be written for a while. */
export class FickleTables extends PlainTables {
  fails = false;

  override async write(changes: Changes): Promise<void> {
    if (this.fails) throw new Error('no room');
    await super.write(changes);
  }
}
