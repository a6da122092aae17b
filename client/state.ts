/** Where a stream stands. */
import { BehaviorSubject, distinctUntilChanged, type Observable } from 'rxjs';
import { placeOf } from './in-order.js';

/** Where a stream stands, for whoever watches over it or shows it. */
export type StreamState =
  /** `attempt` counts from 1 since it was last connected; `reason`: what ended the connection before. */
  | { readonly state: 'connecting'; readonly attempt: number; readonly reason?: string }
  /** What was in the log before is being read. */
  | { readonly state: 'replaying' }
  /** Each event comes as it is appended. */
  | { readonly state: 'live' }
  /** The reader takes less than there is; `by` offsets of the log are not fetched yet. */
  | { readonly state: 'lagging'; readonly by: number }
  | { readonly state: 'closed' };

/** A reader is called lagging when it has left its buffer full for so long. */
const patienceMs = 1_000;

/** Follows one stream; `readHead` asks the service for the id of its newest event, and never fails. */
export class Standing {
  readonly #state = new BehaviorSubject<StreamState>({ state: 'closed' });
  readonly state$: Observable<StreamState> = this.#state.pipe(
    distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)),
  );
  #attempt = 0;
  #at = '';
  #head: string | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly readHead: () => Promise<string | undefined>) {}

  connecting(reason?: string): void {
    this.#head = undefined;
    this.#state.next({ state: 'connecting', attempt: ++this.#attempt, ...(reason !== undefined && { reason }) });
  }

  /** Something came in; `id` is the place that has been reached. */
  moved(id: string): void {
    this.#at = id;
    if (this.#state.value.state === 'connecting') this.#replay();
    else if (this.#state.value.state === 'replaying') this.#compare();
  }

  /** The reader's buffer is full. */
  held(): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      void this.readHead().then((head) => {
        if (this.#patience === undefined || head === undefined) return;
        this.#state.next({ state: 'lagging', by: Math.max(0, placeOf(head).offset - placeOf(this.#at).offset) });
      });
    }, patienceMs);
  }

  /** The reader takes more. */
  released(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    if (this.#state.value.state === 'lagging') this.#replay();
  }

  closed(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#attempt = 0;
    this.#state.next({ state: 'closed' });
  }

  #replay(): void {
    this.#attempt = 0;
    this.#state.next({ state: 'replaying' });
    void this.readHead().then((head) => {
      this.#head = head ?? this.#at;
      this.#compare();
    });
  }

  #compare(): void {
    if (this.#head === undefined || this.#state.value.state !== 'replaying') return;
    if (placeOf(this.#at).offset >= placeOf(this.#head).offset) this.#state.next({ state: 'live' });
  }
}
