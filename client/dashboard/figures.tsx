import { duration, number, size } from './format.js';
import { crawl, feed, tick } from './session.js';

/** The crawl's running totals. */
export function Figures() {
  tick.value;
  if (crawl.value === undefined) return null;
  const { stats, startedAt, finishedAt } = crawl.value;
  const { latencyMs } = feed.value.rates;
  const figures = [
    ['items', number(stats.items)],
    ['pages', number(stats.pages)],
    ['queued', number(stats.queued)],
    ['in flight', number(stats.inFlight)],
    ['failed', number(stats.failed)],
    ['skipped', number(stats.skipped)],
    ['duplicates', number(stats.duplicates)],
    ['downloaded', size(stats.bytes)],
    ['time', duration((finishedAt === null ? Date.now() : Date.parse(finishedAt)) - Date.parse(startedAt))],
    ['latency', latencyMs === undefined ? '–' : duration(latencyMs)],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name} class={name === 'failed' && stats.failed > 0 ? 'bad' : undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
