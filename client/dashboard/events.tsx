import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Details } from './details.js';
import { type Entry, type Kind, maxEvents } from './feed.js';
import { Filters } from './filters.js';
import { number } from './format.js';
import { rowHeights, rowOf } from './rows.js';
import { crawl, feed, isOpen, selected, stream, tick, watch } from './session.js';
import { type Filter, noFilter, View } from './view.js';
import { VirtualList } from './virtual-list.js';

const kinds: readonly { readonly kind: Kind; readonly title: string }[] = [
  { kind: 'items', title: 'Items' },
  { kind: 'pages', title: 'Pages' },
  { kind: 'skipped', title: 'Skipped' },
  { kind: 'failed', title: 'Failures' },
];

/** What to say where there is nothing: while something may come, and at the end. */
const nothing: Readonly<Record<Kind, readonly [yet: string, atEnd: string]>> = {
  items: ['No item yet.', 'The crawl ended without an item.'],
  pages: ['No page yet.', 'The crawl ended without a page.'],
  skipped: ['No link was skipped.', 'No link was skipped.'],
  failed: ['No page has failed.', 'No page has failed.'],
};

/** The events of the crawl as they come, newest first. */
export function Events() {
  const kind = useSignal<Kind>('items');
  const filter = useSignal<Filter>(noFilter);
  const opened = useSignal<Entry>();
  const view = useComputed(() => new View(feed.value, kind.value, filter.value));
  tick.value;
  view.value.update();
  const { entries } = view.value;
  const { taken } = feed.value.shelves[kind.value];
  const none = taken > 0 ? 'Nothing that the filter lets through.' : describeNothing(kind.value);
  const panel = useRef<HTMLDivElement>(null);
  const close = () => {
    opened.value = undefined;
    panel.current?.querySelector<HTMLElement>('.list')?.focus({ preventScroll: true });
  };
  useEffect(() => {
    opened.value = undefined;
  }, [selected.value]);
  return (
    <section class="events" aria-label="Events">
      <div class="tabs" role="tablist" aria-label="Kinds of events" onKeyDown={stepThroughTabs}>
        {kinds.map((one) => (
          <Tab
            key={one.kind}
            title={one.title}
            count={feed.value.shelves[one.kind].taken}
            isChosen={one.kind === kind.value}
            choose={() => {
              kind.value = one.kind;
              filter.value = noFilter;
              opened.value = undefined;
            }}
          />
        ))}
      </div>
      <Filters kind={kind.value} filter={filter} shown={entries.length} />
      {feed.value.failure !== undefined && (
        <p class="bad" role="status">
          The crawl has failed: {feed.value.failure}
        </p>
      )}
      {feed.value.gap !== undefined && <p class="hint">Here {feed.value.gap}.</p>}
      <div
        ref={panel}
        class="split"
        role="tabpanel"
        aria-label={kind.value}
        onKeyDown={({ key }) => {
          if (key === 'Escape' && opened.value !== undefined) close();
        }}
      >
        <VirtualList
          key={`${selected.value} ${kind.value}`}
          entries={entries}
          rowHeight={rowHeights[kind.value]}
          row={rowOf[kind.value]}
          label={`${kind.value}, newest first`}
          none={none}
          opened={opened.value}
          onOpen={(entry) => {
            opened.value = entry;
          }}
        />
        {opened.value && <Details entry={opened.value} filter={filter} close={close} />}
      </div>
    </section>
  );
}

/** Why a list is empty. */
function describeNothing(kind: Kind): string {
  if (crawl.value === undefined) {
    return watch.value.is === 'live' ? 'There is no crawl yet: start one.' : 'Which crawls there are is not known yet.';
  }
  const [yet, atEnd] = nothing[kind];
  if (isOpen(crawl.value) || stream.value.is !== 'ended') return yet;
  return crawl.value.stats[kind] > 0 ? `None among its newest ${number(maxEvents)} events.` : atEnd;
}

function Tab({
  title,
  count,
  isChosen,
  choose,
}: {
  title: string;
  count: number;
  isChosen: boolean;
  choose: () => void;
}) {
  return (
    <button type="button" role="tab" aria-selected={isChosen} tabIndex={isChosen ? 0 : -1} onClick={choose}>
      {title} <span class="count">{number(count)}</span>
    </button>
  );
}

/** Arrow keys go from tab to tab, as screen readers say they do. */
function stepThroughTabs(event: KeyboardEvent): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step === undefined || !(event.currentTarget instanceof HTMLElement)) return;
  const tabs = [...event.currentTarget.querySelectorAll('button')];
  const now = tabs.findIndex((tab) => tab.matches(':focus'));
  const next = tabs.at((now + step) % tabs.length);
  next?.focus();
  next?.click();
}
