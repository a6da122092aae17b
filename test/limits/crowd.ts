/** A process that is many subscribers: raw sockets, which only look for what they wait for. */
import { connect, type Socket } from 'node:net';

/** What it is told to do: one line on standard input. */
export interface CrowdOrder {
  readonly port: number;
  readonly size: number;
  readonly protocol: 'sse' | 'ws';
  readonly query: string;
  /** Each is to see these, in this order. */
  readonly wanted: readonly string[];
}

/** What it says, each once. */
export type CrowdNews =
  | { readonly kind: 'open'; readonly ms: number }
  | { readonly kind: 'served'; readonly lostOrder: number }
  | { readonly kind: 'closed'; readonly after: string };

/** Connections under way at once: the queue of those to be accepted is not endless. */
const atOnce = 200;

function hello({ protocol, query }: CrowdOrder): string {
  const head = (path: string) => `GET ${path}?${query} HTTP/1.1\r\nHost: crowd\r\n`;
  if (protocol === 'sse') return `${head('/events')}\r\n`;
  const key = Buffer.alloc(16).toString('base64');
  return `${head('/ws')}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
}

const say = (news: CrowdNews) => process.send?.(news);

async function gather(order: CrowdOrder): Promise<void> {
  const beganMs = performance.now();
  const request = hello(order);
  let served = 0;
  let lostOrder = 0;
  const serve = (socket: Socket) => {
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      const places = order.wanted.map((one) => text.indexOf(one));
      if (places.includes(-1)) return;
      socket.removeAllListeners('data').resume();
      if (places.some((place, i) => place < (places[i - 1] ?? 0))) lostOrder++;
      if (++served === order.size) say({ kind: 'served', lostOrder });
    });
  };
  const open = () =>
    new Promise<void>((resolve) => {
      const socket = connect(order.port, '127.0.0.1', () => socket.write(request));
      socket.on('error', () => {});
      socket.once('close', () => say({ kind: 'closed', after: String(socket.bytesRead) }));
      socket.once('data', (head: Buffer) => {
        if (/^HTTP\/1\.1 (101|200) /.test(head.toString('latin1'))) resolve();
        else socket.destroy();
      });
      serve(socket);
    });
  const openSome = async () => {
    while (begun < order.size) {
      begun++;
      await open();
    }
  };
  let begun = 0;
  await Promise.all(Array.from({ length: atOnce }, openSome));
  say({ kind: 'open', ms: performance.now() - beganMs });
}

process.once('message', (order: CrowdOrder) => void gather(order));
