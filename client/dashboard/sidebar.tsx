import type { Host } from './api.js';
import { duration, number, shortUrl } from './format.js';
import { feed, hosts, tick } from './session.js';

/** What stands beside the events: hosts, and why pages were skipped or failed. */
export function Sidebar() {
  tick.value;
  const { reasons, errors } = feed.value.counts;
  return (
    <aside class="sidebar" aria-label="Summary">
      <Tally title="Failures by code" counts={errors} tone="bad" />
      <Tally title="Skipped, and why" counts={reasons} tone="" />
      <Hosts />
    </aside>
  );
}

function Tally({ title, counts, tone }: { title: string; counts: Map<string, number>; tone: string }) {
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12);
  return (
    <section>
      <h2>{title}</h2>
      {sorted.length === 0 && <p class="hint">none</p>}
      <dl class={`tally ${tone}`}>
        {sorted.map(([name, count]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{number(count)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Hosts() {
  if (hosts.value === undefined) return null;
  return (
    <section>
      <h2>Hosts</h2>
      {hosts.value.length === 0 && <p class="hint">none is being asked</p>}
      <dl class="tally hosts">
        {hosts.value.slice(0, 20).map((host) => (
          <div key={host.host}>
            <dt title={host.host}>{shortUrl(host.host)}</dt>
            <dd>{stateOf(host)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function stateOf({ inFlight, delayMs, holdMs, robots }: Host): string {
  const pace = holdMs > 0 ? ` · held ${duration(holdMs)}` : delayMs > 0 ? ` · every ${duration(delayMs)}` : '';
  return `${inFlight} in flight${pace} · ${robotsTexts[robots]}`;
}

const robotsTexts: Readonly<Record<Host['robots'], string>> = {
  unknown: 'robots.txt not asked for',
  none: 'no robots.txt',
  rules: 'robots.txt read',
  unavailable: 'robots.txt cannot be had',
};
