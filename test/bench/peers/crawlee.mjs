// Crawlee's CheerioCrawler as its documentation shows it, with everything in memory and as wide as the others.
import { CheerioCrawler, Configuration, log } from '@crawlee/cheerio';

log.setLevel(log.LEVELS.ERROR);
const configuration = new Configuration({ persistStorage: false, purgeOnStart: false });
let options;

process.on('message', async (order) => {
  if (order.start === undefined) {
    options = order;
    process.send('ready');
  } else process.send(await crawl(order.start));
});
process.once('disconnect', () => process.exit());

async function crawl(start) {
  const { selectors, concurrency } = options;
  const curlyQuotes = new RegExp(options.curlyQuotes, 'gu');
  const found = [];
  const crawler = new CheerioCrawler(
    {
      minConcurrency: concurrency,
      maxConcurrency: concurrency,
      // It would otherwise slow down when the machine is busy, which is what it is meant to be here.
      autoscaledPoolOptions: {
        snapshotterOptions: { maxBlockedMillis: 1e6, maxUsedMemoryRatio: 1 },
        systemStatusOptions: { maxCpuOverloadedRatio: 1, maxEventLoopOverloadedRatio: 1, maxMemoryOverloadedRatio: 1 },
      },
      useSessionPool: false,
      async requestHandler({ request, $, enqueueLinks }) {
        const quotes = $(selectors.each)
          .map((_, each) => ({
            quote: $(each).find(selectors.quote).first().text().trim().replace(curlyQuotes, ''),
            author: $(each).find(selectors.author).first().text().trim(),
            tags: $(each)
              .find(selectors.tags)
              .map((_, tag) => $(tag).text().trim())
              .get(),
          }))
          .get();
        found.push({ url: request.loadedUrl, quotes });
        await enqueueLinks({ selector: selectors.follow });
      },
    },
    configuration,
  );
  await crawler.run([start]);
  return found;
}
