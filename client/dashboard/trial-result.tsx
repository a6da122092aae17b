import { isItem } from './event-types.js';
import { dataOf } from './feed.js';
import { plain, size } from './format.js';
import { trial } from './trial.js';

/** What came out of a trial: its items, and how the page went. */
export function TrialResult() {
  if (trial.value === undefined) {
    return <p class="hint">“Try” fetches one page with this spider and shows its items here. Nothing is saved.</p>;
  }
  const { events, state } = trial.value;
  const items = events.filter(({ type }) => isItem(type));
  // Of one page that failed the crawl says the same again.
  const pageFailed = events.some(({ type }) => type === 'page.failed');
  const foundNothing = state === 'over' && items.length === 0 && events.some(({ type }) => type === 'page');
  return (
    <section class="trial" aria-label="What came out" aria-busy={state === 'running'}>
      <h2>
        {items.length} {items.length === 1 ? 'item' : 'items'} {state === 'running' && '…'}
      </h2>
      {events.map((event) => {
        const data = dataOf(event);
        if (event.type === 'page') {
          return (
            <p class="hint" key={event.id}>
              {plain(data.status)} · {size(Number(data.bytes))} · links: {plain(data.links)} · {plain(data.url)}
            </p>
          );
        }
        if (event.type === 'page.failed' || (event.type === 'crawl.failed' && !pageFailed)) {
          return (
            <p class="bad" key={event.id}>
              {plain(data.error)}: {plain(data.message)}
            </p>
          );
        }
        if (event.type === 'page.skipped' && data.reason !== 'budget') {
          return (
            <p class="hint" key={event.id}>
              skipped ({plain(data.reason)}): {plain(data.url)}
              {data.reason === 'private' && '. A spider from here may fetch it only with --allow-private-networks.'}
            </p>
          );
        }
        return null;
      })}
      {foundNothing && <p class="hint">Nothing on this page is what “items” selects.</p>}
      <ol>
        {items.map((event) => (
          <li key={event.id}>
            <dl>
              {Object.entries(dataOf(event)).map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{plain(value)}</dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ol>
    </section>
  );
}
