import { useSignal } from '@preact/signals';
import type { ComponentChild } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Entry } from './feed.js';

interface ListProps {
  /** Oldest first; shown newest first. */
  readonly entries: readonly Entry[];
  readonly rowHeight: number;
  readonly row: (entry: Entry) => ComponentChild;
  readonly label: string;
  /** What to say where there is nothing. */
  readonly none: string;
  readonly opened: Entry | undefined;
  readonly onOpen: (entry: Entry | undefined) => void;
}

/** A list of any length that draws only what is seen, and stands still while its reader reads. */
export function VirtualList(props: ListProps) {
  // Where it was scrolled to, and how high it was, goes with the list: the next one begins anew.
  return props.entries.length === 0 ? <p class="list none">{props.none}</p> : <List {...props} />;
}

function List({ entries, rowHeight, row, label, opened, onOpen }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const newest = entries.at(-1)?.offset ?? 0;
  const seen = useRef(newest);
  useHeight(box, (pixels) => {
    height.value = pixels;
  });
  useLayoutEffect(() => {
    const element = box.current;
    const added = entries.length - 1 - entries.findLastIndex(({ offset }) => offset <= seen.current);
    seen.current = newest;
    // Who has scrolled away from the newest reads something: it stays where it is while others come in above.
    if (element !== null && element.scrollTop > rowHeight / 2) element.scrollTop += added * rowHeight;
  }, [newest]);

  const first = Math.max(0, Math.floor(top.value / rowHeight) - 4);
  const last = Math.min(entries.length, Math.ceil((top.value + height.value) / rowHeight) + 4);
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  const at = (index: number) => entries[entries.length - 1 - index];
  // Only what is drawn can be named.
  const active = opened && shown.some((index) => at(index)?.offset === opened.offset) ? opened : undefined;

  const onKeyDown = (event: KeyboardEvent) => {
    const now = opened === undefined ? -1 : entries.length - 1 - indexOf(entries, opened.offset);
    const page = Math.max(1, Math.floor(height.value / rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = steps[event.key];
    if (step === undefined && event.key !== 'Home' && event.key !== 'End') return;
    event.preventDefault();
    const wanted = event.key === 'Home' ? 0 : event.key === 'End' ? entries.length - 1 : now + (step ?? 0);
    const index = Math.min(entries.length - 1, Math.max(0, wanted));
    onOpen(at(index));
    reveal(box.current, index * rowHeight, rowHeight);
  };

  return (
    <div class="list-frame">
      <div
        ref={box}
        class="list"
        role="listbox"
        aria-label={label}
        aria-activedescendant={active && `event-${active.offset}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onScroll={({ currentTarget }) => {
          top.value = currentTarget.scrollTop;
        }}
      >
        <div class="list-space" role="presentation" style={{ height: `${entries.length * rowHeight}px` }}>
          {shown.map((index) => {
            const entry = at(index);
            if (entry === undefined) return null;
            const isOpened = entry.offset === opened?.offset;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the list takes the keys
              <div
                key={entry.offset}
                id={`event-${entry.offset}`}
                class="row"
                role="option"
                tabIndex={-1}
                aria-selected={isOpened}
                aria-setsize={entries.length}
                aria-posinset={index + 1}
                style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
                onClick={() => {
                  // A row goes out of sight while others come in, and would take the focus with it.
                  box.current?.focus({ preventScroll: true });
                  onOpen(isOpened ? undefined : entry);
                }}
              >
                {row(entry)}
              </div>
            );
          })}
        </div>
      </div>
      {top.value > 20 * rowHeight && (
        <button type="button" class="to-top" onClick={() => box.current?.scrollTo({ top: 0 })}>
          ↑ newest
        </button>
      )}
    </div>
  );
}

/** Entries are in the order of their offsets. */
function indexOf(entries: readonly Entry[], offset: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.offset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function reveal(element: HTMLElement | null, top: number, height: number): void {
  if (element === null) return;
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + height > element.scrollTop + element.clientHeight) {
    element.scrollTop = top + height - element.clientHeight;
  }
}

function useHeight(box: { current: HTMLElement | null }, tell: (pixels: number) => void): void {
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const resized = new ResizeObserver(() => tell(element.clientHeight));
    resized.observe(element);
    return () => resized.disconnect();
  }, []);
}
