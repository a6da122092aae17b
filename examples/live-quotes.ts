/**
 * The quotes of the newest crawl as they are scraped, and where the stream stands; ends with the crawl.
 *
 *     npx crawlcast demo
 *     npx tsx examples/live-quotes.ts http://localhost:9000
 */
import { connect } from 'crawlcast/client';

const client = connect(process.argv[2] ?? 'http://localhost:9000');
await client.crawl();

const quotes = client.events({ type: 'quote', crawl: 'latest', since: 0 });
quotes.state$.subscribe((state) =>
  console.error(state.state === 'connecting' ? (state.reason ?? 'connecting') : state.state),
);

let count = 0;
for await (const { data } of quotes) {
  console.log(`${data.quote}\n    ${data.author} [${data.tags.join(', ')}]`);
  count++;
}
console.log(`${count} quotes, none missing.`);
