/** A subscriber of the crawl in a process of its own: it counts events, and says when the crawl is over. */
import { connect } from 'node:net';
import { takeOrders } from '../support/child.js';
import { ChunkReader, Occurrences } from '../support/event-counter.js';

/** What it has seen. */
export interface Seen {
  readonly events: number;
  readonly items: number;
}

const events = new Occurrences('\nevent: ');
const items = new Occurrences('\nevent: quote\n');
const ends = new Occurrences('\nevent: crawl.finished\n');
let over = () => {};
const finished = new Promise<void>((resolve) => {
  over = resolve;
});

/** First the port, answered when the stream is open; then `finish`, answered when the crawl is over. */
takeOrders(async (order: number | 'finish'): Promise<Seen> => {
  if (order === 'finish') await finished;
  else await open(order);
  return { events: events.count, items: items.count };
});

function open(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const reader = new ChunkReader((bytes) => {
      resolve();
      for (const counter of [events, items, ends]) counter.push(bytes);
      if (ends.count > 0) over();
    });
    socket.once('error', reject);
    socket.on('data', (bytes) => reader.push(bytes));
    socket.write('GET /events HTTP/1.1\r\nHost: bench\r\n\r\n');
  });
}
