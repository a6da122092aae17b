/** A subscriber that always comes back, and keeps a record of what it was given for which question. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { type Reader, readSse, readWs } from './readers.js';

/** What of an event the model knows. */
export interface ModelEvent {
  readonly offset: number;
  readonly type: string;
  readonly crawl: string;
  readonly data: { readonly parity?: string; readonly tags?: readonly string[] };
}

/** A subscription, as a query and as a test of an event. */
export interface Question {
  readonly query: string;
  readonly matches: (event: ModelEvent) => boolean;
}

/** What came while one question was asked, from the cursor it began with. */
interface Phase {
  readonly question: Question;
  readonly after: number;
  readonly seen: number[];
}

/** One subscriber over several connections. */
export class Follower {
  readonly #phases: Phase[];
  #cursor: string;
  #reader: Reader | undefined;
  #done = false;
  #check = () => {};
  readonly #life: Promise<void>;

  constructor(
    readonly protocol: 'sse' | 'ws',
    question: Question,
    /** An id of the log. */
    since: string,
    /** Where the service is at present, once it is anywhere. */
    private readonly url: () => Promise<string>,
  ) {
    this.#cursor = since;
    this.#phases = [{ question, after: offsetOf(since), seen: [] }];
    this.#life = this.#live();
  }

  /** Cuts the connection; it comes back, with another question where one is given. */
  interrupt(question?: Question): void {
    if (question) this.#phases.push({ question, after: offsetOf(this.#cursor), seen: [] });
    this.#reader?.close();
  }

  /** Resolves when it has seen the last event of the model that it is to see. */
  async untilSeen(events: readonly ModelEvent[]): Promise<void> {
    const last = events.findLast((event) => this.#phase.question.matches(event))?.offset ?? 0;
    while (offsetOf(this.#cursor) < last) {
      await new Promise<void>((resolve) => {
        this.#check = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    this.#done = true;
    this.#reader?.close();
    await this.#life;
  }

  /** It saw, for each of its questions, every event that matches, once, in order. */
  assertSawAll(events: readonly ModelEvent[], label: string): void {
    for (const [index, { question, after, seen }] of this.#phases.entries()) {
      const end = this.#phases[index + 1]?.after ?? Number.POSITIVE_INFINITY;
      const due = events.filter((event) => event.offset > after && event.offset <= end && question.matches(event));
      const name = `${label}, ${this.protocol} ${question.query} after ${after}`;
      assert.deepEqual(
        seen,
        Array.from(due, ({ offset }) => offset),
        name,
      );
    }
  }

  get #phase(): Phase {
    const phase = this.#phases.at(-1);
    assert(phase);
    return phase;
  }

  async #live(): Promise<void> {
    while (!this.#done) {
      const phase = this.#phase;
      try {
        const reader = await this.#connect(await this.url(), phase.question.query);
        this.#reader = reader;
        // It may have been interrupted on the way here.
        if (this.#done || phase !== this.#phase) reader.close();
        for await (const event of reader) {
          if (phase !== this.#phase) break;
          phase.seen.push(offsetOf(event.id));
          this.#cursor = event.id;
          this.#check();
        }
      } catch {
        // Cut off: that is what is being tested.
        await delay(1);
      }
    }
  }

  #connect(url: string, query: string): Promise<Reader> {
    if (this.protocol === 'ws') return readWs(url, `?since=${this.#cursor}${query}`);
    return readSse(url, `?since=0${query}`, { 'last-event-id': this.#cursor });
  }
}

/** The offset in an id. */
export function offsetOf(id: string): number {
  return Number(id.split('-')[1]);
}
