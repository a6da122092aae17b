/** Ports for those who have to know theirs before they listen. */
import { createServer } from 'node:net';

/**
 * A port that nobody has, and that the system gives nobody by itself: who knocks again and again at a closed port out
 * of that range ends up connected to himself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
