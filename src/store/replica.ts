/** This process's own copy of the table that several processes share, and how far into the stream it reaches. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toCrawlcastError } from '../errors.js';
import type { Cluster } from './cluster.js';
import { openEmbeddedTables } from './embedded.js';
import { keys } from './keys.js';
import type { Changes, Tables } from './tables.js';
import { readPart } from './transaction.js';

/** How far a copy reaches. */
export interface Position {
  /** Of the last message whose transaction is in it, whole. */
  readonly sequence: number;
  /** Id of that transaction; 0n ahead of the first. */
  readonly transaction: bigint;
}

/** Nothing has been read yet. */
export const beginning: Position = { sequence: 0, transaction: 0n };

/** Whether the stream holds the very transaction that a copy ends with. */
export async function isOnStream(cluster: Cluster, { sequence, transaction }: Position): Promise<boolean> {
  const message = await cluster.message(sequence);
  return message !== undefined && readPart(message)?.id === transaction;
}

/** The copy on this machine's disk: it may be lost at any time, and is then read from the stream again. */
export class Replica {
  position: Position;

  constructor(
    readonly tables: Tables,
    private readonly stream: string,
  ) {
    this.position = readPosition(tables, stream) ?? beginning;
  }

  /** Changes and position in one transaction. */
  async write(changes: Changes, position: Position): Promise<void> {
    const { sequence, transaction } = position;
    const row = Buffer.from(JSON.stringify([this.stream, sequence, String(transaction)]));
    await this.tables.write(new Map([...changes, [keys.position, row]]));
    this.position = position;
  }

  close(): Promise<void> {
    return this.tables.close();
  }
}

/**
 * Opens the copy below a data directory.
 * @param stream names the stream and when it was made: a copy of another one is thrown away, as is a damaged one
 */
export async function openReplica(data: string, stream: string): Promise<Replica> {
  try {
    const tables = await openEmbeddedTables(join(data, 'replica'));
    if (isUsable(tables, stream)) return new Replica(tables, stream);
    await tables.close();
  } catch (thrown) {
    if (toCrawlcastError(thrown).code !== 'data.corrupt') throw thrown;
  }
  return renewReplica(data, stream);
}

/** Whether a copy is of this stream, or has nothing yet. Damage within the file shows only where it is read, in an error of whatever kind. */
function isUsable(tables: Tables, stream: string): boolean {
  try {
    return readPosition(tables, stream) !== undefined || tables.range(' ', '\u007f', 1).length === 0;
  } catch {
    return false;
  }
}

/** An empty copy in place of the one that is there. */
export async function renewReplica(data: string, stream: string): Promise<Replica> {
  const dir = join(data, 'replica');
  for (const file of ['data.mdb', 'lock.mdb']) await rm(join(dir, file), { force: true });
  return new Replica(await openEmbeddedTables(dir), stream);
}

function readPosition(tables: Tables, stream: string): Position | undefined {
  const row = tables.get(keys.position);
  if (row === undefined) return undefined;
  // Written by `write` above.
  const [of, sequence, transaction]: [string, number, string] = JSON.parse(row.toString());
  return of === stream ? { sequence, transaction: BigInt(transaction) } : undefined;
}
