import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { whileVisible } from './frames.js';
import { connectionOf } from './header.js';
import { crawl, feed, replay, stream, watch } from './session.js';

/** Tells screen readers how it goes: the connection when it changes, a short summary every few seconds, no more. */
export function Announcer() {
  const summary = useSignal('');
  useEffect(() => {
    let before = { of: feed.value, items: 0, state: '' };
    return whileVisible(5_000, () => {
      const { taken } = feed.value.shelves.items;
      const state = crawl.value?.state ?? '';
      const added = before.of === feed.value ? taken - before.items : taken;
      if (added > 0) summary.value = `${added} new items, ${taken} in all. The crawl is ${state}.`;
      else if (state !== before.state && state !== '') summary.value = `The crawl is ${state}.`;
      before = { of: feed.value, items: taken, state };
    });
  }, []);
  const { tone, text } = connectionOf(watch.value, stream.value, replay.value !== undefined);
  return (
    <>
      <p class="unseen" role="status">
        {summary.value}
      </p>
      <p class="unseen" aria-live="polite">
        {tone === 'busy' ? '' : text}
      </p>
    </>
  );
}
