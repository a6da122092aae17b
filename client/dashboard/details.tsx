import type { Signal } from '@preact/signals';
import { dataOf, type Entry } from './feed.js';
import { addField } from './filters.js';
import { dayAndTime, plain } from './format.js';
import type { Filter } from './view.js';

/** One event whole, each of its values a filter to add. */
export function Details({ entry, filter, close }: { entry: Entry; filter: Signal<Filter>; close: () => void }) {
  const { event } = entry;
  return (
    <aside class="details" aria-label="The event">
      <h2>
        {event.type}
        <button type="button" class="plain" aria-label="Close the event" onClick={close}>
          ×
        </button>
      </h2>
      <dl>
        {Object.entries(dataOf(event)).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {Array.isArray(value) && value.length === 0 && '–'}
              {[value].flat().map((one, i) => (
                <button
                  type="button"
                  class="value"
                  key={i}
                  title={`Only events with this ${name}`}
                  onClick={() => addField(filter, name, plain(one))}
                >
                  {plain(one)}
                </button>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <p class="origin">
        {event.subject !== undefined && <Page url={event.subject} />}
        {event.id} · {dayAndTime(event.time)}
      </p>
    </aside>
  );
}

/** A link only where it leads to a web page: a crawled page may write any URL. */
function Page({ url }: { url: string }) {
  if (!/^https?:\/\//i.test(url)) return <span>{url}</span>;
  return (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {url}
    </a>
  );
}
