/** The peer: Crawlee's CheerioCrawler, in a process of its own. */
import { startChild } from '../support/child.js';
import { startMeter } from '../support/meter.js';
import { missingPeer, peerScript } from '../support/peers.js';
import { addPage, type Extracted, nothing, pageAt, pathOf } from '../support/quote-site.js';
import type { CrawlReading, Target } from './contender.js';
import { concurrency, curlyQuotes, selectors } from './spider.js';

/** Why it cannot run. */
export const noCrawlee = missingPeer('@crawlee/cheerio');

interface CrawleeItem {
  readonly url: string;
  readonly quotes: { quote: string; author: string; tags: string[] }[];
}

/** Crawls with it. The clock runs from when it is loaded. */
export async function crawlee({ origin, pages, warmUps, warmUpPages }: Target): Promise<CrawlReading> {
  const child = startChild(peerScript('crawlee.mjs'));
  try {
    await child.ask({ selectors, curlyQuotes: curlyQuotes.source, concurrency });
    const warmUp = { start: `${origin}${pathOf(warmUpPages, 1)}` };
    for (let done = 0; done < warmUps; done++) await child.ask(warmUp);
    const meter = startMeter([child.pid]);
    const startMs = performance.now();
    const found = await child.ask<CrawleeItem[]>({ start: `${origin}${pathOf(pages, 1)}` });
    const seconds = (performance.now() - startMs) / 1_000;
    const spent = meter.stop();
    const extracted = found.reduce<Extracted>((sum, { url, quotes }) => addPage(sum, pageAt(url), quotes), nothing);
    return { ...extracted, seconds, ...spent };
  } finally {
    await child.end();
  }
}
