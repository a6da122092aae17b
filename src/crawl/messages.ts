/** What passes between the pipeline and the threads that fetch and extract. Plain data: it crosses by structured clone. */
import type { ErrorCode } from '../errors.js';
import type { Spider } from './spider.js';

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
export interface Job {
  /** The crawl, by whose id the thread was given its spider. */
  readonly crawl: string;
  readonly url: string;
  /** Mostly one object for all pages of a crawl: a copy for each would be a kilobyte that lives as long as the page is under way. */
  readonly options: FetchOptions;
  /** Whether the page may be a sitemap, whose pages are links. */
  readonly sitemap: boolean;
  /** Whether something of the page is in the log already. */
  readonly begun: boolean;
}

/** The head of the answer, once it has come. */
export interface ResponseHead {
  readonly status: number;
  /** By lower-case name, each value as sent; the pipeline is told those that it uses. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** From the request to the head. */
  readonly latencyMs: number;
}

/** One item, ready for the log. */
export interface ExtractedItem {
  readonly type: string;
  /** See `NewEvent.tail`. */
  readonly tail: Uint8Array;
  /** See `NewEvent.identity`; none where the whole page is told at once. */
  readonly identity?: string;
}

/** One link as found, resolved against the page's base. */
export interface ExtractedLink {
  readonly url: string;
  /** `rel` says nofollow, ugc or sponsored. */
  readonly nofollow: boolean;
  readonly priority?: number;
  /** A sitemap names it: it is as deep as the sitemap itself. */
  readonly listed?: boolean;
  /** The page sends its reader there by itself. */
  readonly refresh?: boolean;
}

/** What a fetch tells while it runs. The last one is `redirect`, `end`, `error` or `again`. */
export type PageUpdate = News & {
  /** From the request to the head; with the first update of an answer. */
  readonly latencyMs?: number;
};

type News =
  | {
      readonly kind: 'batch';
      /** With the first batch, where it sets cookies. */
      readonly head?: ResponseHead;
      /** Of its last item: from the arrival of the bytes that closed it until it was extracted. */
      readonly extractionMs?: number;
      readonly items: readonly ExtractedItem[];
      readonly links: readonly ExtractedLink[];
    }
  | { readonly kind: 'redirect'; readonly head: ResponseHead; readonly location: string }
  | {
      readonly kind: 'end';
      readonly head: ResponseHead;
      readonly items: readonly ExtractedItem[];
      readonly links: readonly ExtractedLink[];
      readonly bytes: number;
      readonly ms: number;
      /** As in a batch. */
      readonly extractionMs?: number;
      /** Of the whole page. */
      readonly itemCount: number;
      readonly linkCount: number;
    }
  | {
      readonly kind: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly head?: ResponseHead;
      /** Of the body, as far as it came. */
      readonly bytes: number;
      /** What had been extracted, but not told, before it went wrong. */
      readonly items: readonly ExtractedItem[];
      readonly links: readonly ExtractedLink[];
    }
  /** It is to be asked for once more, when its host may be asked. */
  | { readonly kind: 'again'; readonly head?: ResponseHead };

/** What a thread is told, several at once. */
export type ToWorker =
  | { readonly kind: 'spider'; readonly crawl: string; readonly spider: SpiderSource }
  | { readonly kind: 'forget'; readonly crawl: string }
  | { readonly kind: 'fetch'; readonly id: number; readonly job: Job }
  | { readonly kind: 'abort'; readonly id: number }
  /** A batch has been taken care of: the page may send one more. */
  | { readonly kind: 'taken'; readonly id: number };

/** A sign that the spider's own code is about to read a page, and may never return. */
export interface CodeSign {
  readonly kind: 'code';
}

/** What a thread is started with. */
export interface WorkerOptions {
  /** See `Network`. */
  readonly network?: string;
  /** It gives a sign of life as often. */
  readonly signMs: number;
}

/** What a thread tells: updates of several pages at once. */
export type FromWorker = readonly (readonly [job: number, update: PageUpdate | CodeSign])[];

/** What a thread needs in order to extract: a spider's data, or where its code is. */
export interface SpiderSource {
  readonly items: Spider['items'];
  readonly follow: Spider['follow'];
  readonly module?: string;
}
