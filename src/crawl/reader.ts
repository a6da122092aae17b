/** What turns the text of a page into items and links: the rules of a spider, or its own code. */
import type { Cancellation } from './cancellation.js';
import { compileExtraction, type Extraction } from './extraction.js';
import { createExtractor, type ExtractorOptions, type PageLimits } from './extractor.js';
import type { ResponseHead, SpiderSource } from './messages.js';
import { openModuleReader } from './module-reader.js';

/** Reads one page. */
export interface PageReader {
  /** Takes text in pieces of any size. */
  write(text: string): void;
  /** The page has come whole. */
  end(): void | Promise<void>;
}

/** What a reader knows of its page, and of the thread that it works in. */
export interface ReaderOptions extends ExtractorOptions {
  readonly head: ResponseHead;
  /** How long a spider's own code may take. */
  readonly totalTimeoutMs: number;
  /** Of one item as JSON. */
  readonly maxBytes: number;
  /** Whoever wants the page. */
  readonly caller: Cancellation;
  /** A spider's own code is about to run, and may never return. */
  readonly onCode: () => void;
  /** Lets go out what has been found, and gives others their turn. */
  readonly pause: () => Promise<void>;
}

/** Begins to read a page. */
export type OpenReader = (options: ReaderOptions) => PageReader;

/**
 * How the pages of a spider are read.
 * @param limits of each page; its own code knows none
 */
export function createReading(source: SpiderSource, limits?: PageLimits): OpenReader {
  if (source.module !== undefined) return openModuleReader(source.module);
  // With the first page: what cannot be compiled, as an earlier version may have taken it, is that page's failure, and ends no thread.
  let extraction: Extraction | undefined;
  return (options) => {
    extraction ??= compileExtraction(source);
    return createExtractor(extraction, options, limits);
  };
}
