import type { Signal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { dataOf, type Kind } from './feed.js';
import { number, plain } from './format.js';
import { feed, tick } from './session.js';
import { type Filter, noFilter } from './view.js';

/** What narrows the list down: type, any field of the data, text. */
export function Filters({ kind, filter, shown }: { kind: Kind; filter: Signal<Filter>; shown: number }) {
  const types = [...feed.value.counts.types.keys()];
  const change = (part: Partial<Filter>) => {
    filter.value = { ...filter.value, ...part };
  };
  return (
    <search class="filters">
      <input
        type="search"
        aria-label="Text to look for"
        placeholder="Search text"
        value={filter.value.text}
        onInput={({ currentTarget }) => change({ text: currentTarget.value })}
      />
      {kind === 'items' && types.length > 1 && (
        <select
          aria-label="Item type"
          value={filter.value.type}
          onChange={({ currentTarget }) => change({ type: currentTarget.value })}
        >
          <option value="">all types</option>
          {types.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </select>
      )}
      <FieldFilter kind={kind} filter={filter} />
      {filter.value.fields.map(([name, value]) => (
        <button
          type="button"
          class="chip"
          key={`${name} ${value}`}
          aria-label={`Remove the filter ${name} ${value}`}
          onClick={({ currentTarget }) => {
            // The button goes away; the focus stays among the filters.
            currentTarget.closest('search')?.querySelector('input')?.focus();
            change({ fields: filter.value.fields.filter((one) => one[0] !== name || one[1] !== value) });
          }}
        >
          {name}: {value} ×
        </button>
      ))}
      {filter.value !== noFilter && <output>{number(shown)} shown</output>}
    </search>
  );
}

/** Adds a condition to a filter. */
export function addField(filter: Signal<Filter>, name: string, value: string): void {
  const { fields } = filter.value;
  if (fields.some((one) => one[0] === name && one[1] === value)) return;
  filter.value = { ...filter.value, fields: [...fields, [name, value]] };
}

function FieldFilter({ kind, filter }: { kind: Kind; filter: Signal<Filter> }) {
  tick.value;
  const names = [...feed.value.fields[kind]];
  const name = useSignal('');
  const value = useSignal('');
  const known = useSignal<readonly string[]>([]);
  const chosen = names.includes(name.value) ? name.value : (names.find((one) => one === 'author') ?? names[0] ?? '');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (value.value === '') return;
    addField(filter, chosen, value.value.trim());
    value.value = '';
  };
  if (names.length === 0) return null;
  return (
    <form class="field" onSubmit={submit}>
      <select
        aria-label="Field"
        value={chosen}
        onChange={({ currentTarget }) => {
          name.value = currentTarget.value;
        }}
      >
        {names.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <input
        aria-label={`Value of ${chosen}`}
        placeholder="is …"
        list="values"
        value={value.value}
        onFocus={() => {
          known.value = valuesOf(kind, chosen);
        }}
        onInput={({ currentTarget }) => {
          value.value = currentTarget.value;
        }}
      />
      <datalist id="values">
        {known.value.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit">Filter</button>
    </form>
  );
}

/** Values to choose from: those of the newest events. */
function valuesOf(kind: Kind, name: string): string[] {
  const values = new Set<string>();
  for (const { event } of feed.value.shelves[kind].entries.slice(-2_000)) {
    for (const value of [dataOf(event)[name]].flat()) values.add(plain(value));
    if (values.size > 300) break;
  }
  return [...values].filter((value) => value.length <= 100).sort();
}
