import type { ComponentChild } from 'preact';
import { dataOf, type Entry, type Kind } from './feed.js';
import { duration, plain, shortUrl, size, timeOfDay } from './format.js';

/** How high a row of each kind is, in pixels: all alike, so that a list knows where each one is. */
export const rowHeights: Record<Kind, number> = { items: 52, pages: 30, skipped: 30, failed: 52 };

/** How one event of each kind is drawn. Whatever a page said is text here, never markup. */
export const rowOf: Record<Kind, (entry: Entry) => ComponentChild> = { items, pages, skipped, failed };

/** As much of a value as may be seen in a row: to lay out a whole page in one line takes long. */
const brief = (value: unknown): string => plain(value).slice(0, 400);

function items({ event }: Entry) {
  const [first, ...others] = Object.entries(dataOf(event));
  return (
    <>
      <span class="what">{first === undefined ? '(empty)' : brief(first[1])}</span>
      <time>{timeOfDay(event.time)}</time>
      <span class="more">
        {others.map(([name, value]) => (
          <Value key={name} name={name} value={value} />
        ))}
      </span>
      <span class="kind">{event.type}</span>
    </>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  if (!Array.isArray(value)) return <span title={name}>{brief(value)}</span>;
  return (
    <span title={name}>
      {value.slice(0, 20).map((one, i) => (
        <span key={i} class="tag">
          {brief(one)}
        </span>
      ))}
    </span>
  );
}

function pages({ event }: Entry) {
  const { url, status, bytes, ms, items } = dataOf(event);
  return (
    <>
      <span class={`status ${Number(status) >= 400 ? 'bad' : ''}`}>{plain(status)}</span>
      <span class="what">{shortUrl(brief(url))}</span>
      <span class="figure">{items === 1 ? '1 item' : `${plain(items)} items`}</span>
      <span class="figure">{size(Number(bytes))}</span>
      <span class="figure">{duration(Number(ms))}</span>
      <time>{timeOfDay(event.time)}</time>
    </>
  );
}

function skipped({ event }: Entry) {
  const { url, reason } = dataOf(event);
  return (
    <>
      <span class="status">{plain(reason)}</span>
      <span class="what">{shortUrl(brief(url))}</span>
      <time>{timeOfDay(event.time)}</time>
    </>
  );
}

function failed({ event }: Entry) {
  const { url, error, message, attempts } = dataOf(event);
  return (
    <>
      <span class="what">{shortUrl(brief(url))}</span>
      <time>{timeOfDay(event.time)}</time>
      <span class="more">
        <span class="bad">{plain(error)}</span> {brief(message)}
      </span>
      <span class="kind">{attempts === 1 ? '1 attempt' : `${plain(attempts)} attempts`}</span>
    </>
  );
}
