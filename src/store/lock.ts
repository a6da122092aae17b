/** One process at a time: a lock that the system itself lets go of when its owner dies, whatever it dies of. */
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { CrawlcastError, toCrawlcastError } from '../errors.js';

/** Lets go of the lock. */
export type Unlock = () => Promise<void>;

/**
 * Locks a directory, also against a second time in this process.
 * @throws CrawlcastError `data.in_use`
 */
export async function lockDirectory(dir: string): Promise<Unlock> {
  try {
    return await (process.platform === 'darwin' ? lockFile(dir) : lockName(dir));
  } catch (thrown) {
    const isTaken = hasCode(thrown, 'EADDRINUSE') || hasCode(thrown, 'EAGAIN') || hasCode(thrown, 'EWOULDBLOCK');
    if (!isTaken) throw toCrawlcastError(thrown, 'data.unusable');
    const message = `The data directory ${dir} is in use by another process: stop that one, or choose another --data.`;
    throw new CrawlcastError('data.in_use', message, { cause: thrown });
  }
}

/** Of macOS's open(2): they are not among Node's constants. */
const openExclusively = 0x20;
const openNonBlocking = 0x4;

async function lockFile(dir: string): Promise<Unlock> {
  const flags = constants.O_RDWR | constants.O_CREAT | openExclusively | openNonBlocking;
  const file = await open(join(dir, 'lock'), flags, 0o644);
  return () => file.close();
}

/** A socket without a file, named after the directory itself, so that two paths to it are the same lock. */
async function lockName(dir: string): Promise<Unlock> {
  const { dev, ino } = await stat(dir, { bigint: true });
  const name = `crawlcast-data-${dev}-${ino}`;
  const server = createServer((socket) => socket.destroy());
  await listen(server, process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `\0${name}`);
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, resolve);
  });
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
