/** `crawlcast demo`: the main job in one command, offline. */
import { defaultWorkers } from '../config.js';
import { isItemEvent } from '../events.js';
import { dataText } from '../events-json.js';
import { type RunningService, startService } from '../service.js';
import { startSite } from '../site/site.js';
import { openEmbeddedStore } from '../store/embedded.js';
import { followCrawl } from './follow-crawl.js';
import { makeTemporaryFolder } from './temporary-folder.js';
import { coloursOf, counted, itemLine, showProgress, untilInterrupted } from './terminal.js';

/** Options as the command line gives them; times in milliseconds. */
export interface DemoOptions {
  readonly once: boolean;
  readonly port: number;
  readonly pages: number;
  readonly perPage: number;
  readonly delay: number;
  readonly drip: number;
}

/** Runs the demo: until the crawl is over with `once`, else until it is interrupted. */
export async function demo({ once, port, pages, perPage, delay, drip }: DemoOptions): Promise<void> {
  const stopped = untilInterrupted();
  const data = makeTemporaryFolder('demo');
  const site = await startSite({ pages, perPage, delayMs: delay, dripMs: drip });
  try {
    const service = await startService(
      {
        host: '127.0.0.1',
        port,
        data,
        spiders: './spiders',
        startUrl: [`${site.url}/`],
        transport: 'auto',
        workers: defaultWorkers,
        corsOrigin: [],
        allowPrivateNetworks: false,
        retention: {},
      },
      await openEmbeddedStore(data),
    );
    try {
      await show(service, site.url, once, stopped);
    } finally {
      await service.close();
    }
  } finally {
    await site.close();
  }
}

async function show(service: RunningService, siteUrl: string, once: boolean, stopped: Promise<void>): Promise<void> {
  const { runner, store, spiders, url } = service;
  const say = (line = '') => process.stdout.write(`${line}\n`);
  say(`practice site  ${siteUrl}`);
  say(`service        ${url}`);
  say();
  const { id } = await runner.start({ spider: spiders.get('quotes'), origin: 'local' });
  const progress = showProgress(() => runner.snapshot(id)?.stats);
  const over = followCrawl(store, id, (event) => {
    if (isItemEvent(event.type)) progress.print(itemLine(JSON.parse(dataText(event.json).toString('utf8'))));
  });
  const isOver = await Promise.race([over.then(() => true), stopped.then(() => false)]);
  progress.stop();
  const { items = 0, pages = 0 } = runner.snapshot(id)?.stats ?? {};
  say();
  say(coloursOf(process.stdout).bold(`${counted(items, 'quote')} from ${counted(pages, 'page')}.`));
  if (once || !isOver) return;
  say('It is still running. Look at it from another terminal, or a browser:');
  say();
  say(`  ${url}/                                    the page that shows them live`);
  say(`  curl -N '${url}/events?type=quote&since=0'  each quote as it is scraped`);
  say(`  curl '${url}/crawl?restart=true'            crawl again, and watch`);
  say(`  curl '${url}/results'                       all of them, as ever`);
  say();
  say('Ctrl-C ends it.');
  await stopped;
}
