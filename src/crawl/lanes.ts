/** Finds elements in a growing document, and hands them over in document order as soon as they are certain. */
import type { Settling } from './settling.js';
import type { Element, ParentNode } from './tree.js';

/** Elements to be looked for, and when it is certain that one is found and complete. */
export interface Target {
  /** Whether an element whose start tag has come may be one. */
  mayMatch(element: Element): boolean;
  test(element: Element): boolean;
  /** When it is certain that an element is one. */
  readonly certain: Settling;
  /** When it is certain, and everything that is read from it is there too. */
  readonly settles: Settling;
}

/** One kind of elements that are looked for, and how each is read. */
export interface Lane {
  readonly target: Target;
  /** Reads an element that is certain and complete; what it returns hands it over when its turn has come. */
  read(element: Element): () => void;
  /** Reads an element at its start tag, where that is enough. */
  readEarly?(element: Element): (() => void) | undefined;
}

/** Watches elements come and go. */
export interface Lanes {
  /** The start tag of an element has come. */
  open(element: Element): void;
  /** An element has closed; with the document itself, all has. */
  close(node: ParentNode): void;
}

interface Place {
  readonly element: Element;
  readonly queue: Queue;
  settled: boolean;
  handOver: (() => void) | undefined;
}

/** What may match, in document order: whoever comes first is handed over first, and holds up the others until it is certain. */
interface Queue {
  readonly lane: Lane;
  places: Place[];
  head: number;
}

/** Starts to look for the elements of some lanes in one document. */
export function createLanes(lanes: readonly Lane[], document: ParentNode): Lanes {
  const queues: Queue[] = lanes.map((lane) => ({ lane, places: [], head: 0 }));
  const due = new Map<ParentNode, Place[]>();

  const wait = (place: Place): void => {
    const node = settlesWith(place.element, place.queue.lane.target.settles, document);
    const waiting = due.get(node);
    if (waiting === undefined) due.set(node, [place]);
    else waiting.push(place);
  };

  return {
    open(element) {
      for (const queue of queues) {
        const { target, readEarly } = queue.lane;
        if (!target.mayMatch(element)) continue;
        const handOver = target.certain === 'open' ? readEarly?.(element) : undefined;
        const place: Place = { element, queue, settled: handOver !== undefined, handOver };
        queue.places.push(place);
        if (place.settled) flush(queue);
        else wait(place);
      }
    },
    close(node) {
      if (due.size === 0) return;
      const places = due.get(node);
      if (places === undefined) return;
      due.delete(node);
      for (const place of places) settle(place);
    },
  };
}

/** The node at whose closing an element's answer is final. */
function settlesWith(element: Element, settles: Settling, document: ParentNode): ParentNode {
  if (settles === 'end') return document;
  return settles === 'parent' ? element.parent : element;
}

function settle(place: Place): void {
  const { target, read } = place.queue.lane;
  if (target.certain === 'open' || target.test(place.element)) place.handOver = read(place.element);
  place.settled = true;
  flush(place.queue);
}

function flush(queue: Queue): void {
  for (let place = queue.places[queue.head]; place?.settled === true; place = queue.places[queue.head]) {
    queue.head++;
    place.handOver?.();
  }
  if (queue.head < queue.places.length && queue.head < 1024) return;
  queue.places = queue.places.slice(queue.head);
  queue.head = 0;
}
