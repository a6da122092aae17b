/** What passes between the pipeline and the threads that fetch and extract. Plain data: it crosses by structured clone. */
import type { ErrorCode } from '../errors.js';

/** Limits and manners of one fetch. */
export interface FetchOptions {
  readonly userAgent: string;
  /** Extra request headers, by lower-case name. `cookie` is among them where the jar has one for this URL. */
  readonly headers: Readonly<Record<string, string>>;
  /** For connecting, for the head, and between two chunks of the body, each. */
  readonly timeoutMs: number;
  /** For the whole page. */
  readonly totalTimeoutMs: number;
  /** Of the body after decompression. */
  readonly maxBytes: number;
  readonly proxy?: string;
  /** Refuse to connect to addresses that are not public. */
  readonly publicOnly: boolean;
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
}

/** One page to be fetched and extracted. */
export interface Job extends FetchOptions {
  readonly id: number;
  readonly crawl: string;
  readonly url: string;
  /** The spider, by the name under which the thread was given it. */
  readonly spider: string;
}

/** The head of the answer, once it has come. */
export interface ResponseHead {
  readonly status: number;
  /** By lower-case name, each value as sent. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** From the request to the head. */
  readonly latencyMs: number;
}

/** One item, ready for the log. */
export interface ExtractedItem {
  readonly type: string;
  /** See `NewEvent.tail`. */
  readonly tail: Uint8Array;
  readonly identity: string;
}

/** One link as found, resolved against the page's base. */
export interface ExtractedLink {
  readonly url: string;
  /** `rel` says nofollow, ugc or sponsored. */
  readonly nofollow: boolean;
  readonly priority?: number;
}

/** What a fetch tells while it runs. The last one is `redirect`, `end` or `error`. */
export type PageUpdate =
  | { readonly kind: 'head'; readonly head: ResponseHead }
  | { readonly kind: 'batch'; readonly items: readonly ExtractedItem[]; readonly links: readonly ExtractedLink[] }
  | { readonly kind: 'redirect'; readonly head: ResponseHead; readonly location: string }
  | {
      readonly kind: 'end';
      readonly head: ResponseHead;
      readonly items: readonly ExtractedItem[];
      readonly links: readonly ExtractedLink[];
      readonly bytes: number;
      readonly ms: number;
      /** Of the whole page. */
      readonly itemCount: number;
      readonly linkCount: number;
    }
  | {
      readonly kind: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryAfterMs?: number;
      readonly head?: ResponseHead;
    };
