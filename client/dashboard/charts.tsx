import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { number } from './format.js';
import { whileVisible } from './frames.js';
import type { Rows } from './rates.js';
import { crawl, feed, isOpen, replay } from './session.js';

const names = [
  { name: 'items', title: 'items/s' },
  { name: 'pages', title: 'pages/s' },
  {
    name: 'latency',
    title: 'latency, ms',
    about: 'From the time of the event to its arrival here',
    lines: ['mean', 'worst'],
  },
  { name: 'queue', title: 'URLs queued' },
] as const;

/** What happened in the last minute. */
export function Charts() {
  const charts = useSignal(feed.value.rates.charts(undefined));
  useEffect(
    () =>
      whileVisible(500, () => {
        const isLive = crawl.value !== undefined && isOpen(crawl.value) && replay.value === undefined;
        // A second that is not over yet would always look like a drop.
        charts.value = feed.value.rates.charts(isLive ? Date.now() - 1_000 : replay.value?.nowMs);
      }),
    [],
  );
  return (
    <section class="charts" aria-label="Charts of the last minute">
      {names.map(({ name, ...texts }) => (
        <Chart key={name} {...texts} rows={charts.value[name]} />
      ))}
    </section>
  );
}

interface ChartProps {
  readonly title: string;
  readonly about?: string;
  /** Names of the lines, where there are two. */
  readonly lines?: readonly [first: string, second: string];
  readonly rows: Rows;
}

function Chart({ title, about, lines, rows }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const newest = useRef(rows);
  newest.current = rows;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(plan(element, rows.length - 1), newest.current, element);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    dark.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
    };
  }, [rows.length]);
  useEffect(() => plot.current?.setData(rows), [rows]);
  const now = rows[1]?.findLast((value) => value !== null);
  return (
    <figure>
      <figcaption title={about}>
        <span>
          {title}
          {lines?.map((line, i) => (
            <i key={line} class={i === 0 ? 'first' : 'second'}>
              {line}
            </i>
          ))}
        </span>
        <b>{now === undefined || now === null ? '–' : number(now)}</b>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

const height = 96;

function plan(element: HTMLElement, lines: number): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: colour('muted'),
    font: '11px system-ui, sans-serif',
    ticks: { show: false },
    grid: { stroke: colour('line'), width: 1 },
  };
  return {
    width: element.clientWidth,
    height,
    padding: [6, 14, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(4, (max ?? 0) * 1.15)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 20, space: 60, values: (_, splits) => splits.map(timeLabel) },
      { ...axis, size: 36, space: 26, values: (_, splits) => splits.map((split) => compact.format(split)) },
    ],
    series: [
      {},
      ...Array.from({ length: lines }, (_, i) => ({
        stroke: colour(i === 0 ? 'accent' : 'amber'),
        width: 1.5,
        spanGaps: true,
        points: { show: false },
        ...(lines === 1 ? { fill: colour('wash') } : {}),
      })),
    ],
  };
}

/** Whole minutes in full, between them the seconds alone. */
function timeLabel(second: number): string {
  return second % 60 === 0 ? minute.format(second * 1_000) : `:${second % 60}`;
}

const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const compact = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 });
