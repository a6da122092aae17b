/** The table that is printed. */
import { type Goal, isMet, median, type Reading, type Row, ratios, type Side } from './row.js';

const heads = ['', 'what', 'unit', 'ours', 'other', 'than which', 'ratio', 'goal', '', 'CPU µs each', 'peak RSS MB'];

/** Lays out all rows. */
export function printTable(rows: readonly Row[]): void {
  const cells = [heads, ...rows.map((row, index) => cellsOf(row, rows[index - 1]?.bench))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const [index, row] of cells.entries()) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  }
}

function cellsOf(row: Row, before: string | undefined): string[] {
  const { bench, what, unit, ours, other, goal } = row;
  const met = isMet(row);
  return [
    bench === before ? '' : bench,
    what,
    unit,
    middle(ours, 'value'),
    other === undefined ? '' : middle(other, 'value'),
    other === undefined ? '' : (other.missing ?? other.name),
    spread(ratios(row)),
    goal === undefined ? '' : goalText(goal),
    met === undefined ? '' : met ? 'met' : 'not met',
    pair(ours, other, 'cpuMicros'),
    pair(ours, other, 'peakRssMb'),
  ];
}

function pair(ours: Side, other: Side | undefined, what: keyof Reading): string {
  const both = [middle(ours, what), other === undefined ? '' : middle(other, what)];
  return both.every((text) => text === '') ? '' : both.map((text) => text || '–').join(' / ');
}

function middle({ readings }: Side, what: keyof Reading): string {
  const values = readings.map((reading) => reading[what]).filter((value) => value !== undefined);
  return values.length === 0 ? '' : figure(median(values));
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return '';
  const range = values.length === 1 ? '' : ` (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
  return figure(median(values)) + range;
}

function goalText({ of, atLeast, atMost }: Goal): string {
  const parts = [
    atLeast === undefined ? '' : `≥ ${figure(atLeast)}`,
    atMost === undefined ? '' : `≤ ${figure(atMost)}`,
  ];
  return `${of} ${parts.filter((part) => part !== '').join(', ')}`;
}

/** Three digits that count. */
function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-GB');
  return String(Number(value.toPrecision(3)));
}
