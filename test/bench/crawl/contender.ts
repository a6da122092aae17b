/** What a contender of the crawl is, and what it tells. */
import type { Spent } from '../support/meter.js';
import type { Extracted } from '../support/quote-site.js';

/** One crawl. */
export interface CrawlReading extends Spent, Extracted {
  readonly seconds: number;
  /** CPU seconds of its subscriber, which runs beside it and takes them from it. */
  readonly subscriberSeconds?: number;
}

/** A site of a size, under way. */
export interface Target {
  /** Without a slash at its end. */
  readonly origin: string;
  readonly pages: number;
  /** Crawls of another site by the same processes before the clock runs: their code is compiled then. */
  readonly warmUps: number;
  /** Pages of each of them. */
  readonly warmUpPages: number;
  readonly sitePid: number;
}

/** Crawls a site once, in processes of its own. */
export type Contender = (target: Target) => Promise<CrawlReading>;
