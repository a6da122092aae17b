/** `npm run test:crash`: kills a crawl a hundred times, and says what was lost. */
import { parseArgs } from 'node:util';
import { type Report, suffer } from './ordeal.js';
import { isInnocent } from './verdict.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    items: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    transport: { type: 'string', default: 'both' },
  },
});

const isTerminal = process.stdout.isTTY;
const transports = (['uws', 'ws'] as const).filter((one) => values.transport === 'both' || values.transport === one);
const reports: Report[] = [];
for (const transport of transports) {
  const report = await suffer({
    transport,
    kills: Number(values.kills),
    items: Number(values.items),
    seed: Number(values.seed),
    onKill(kills, items) {
      if (isTerminal) process.stdout.write(`\r${transport}: killed ${kills} times, ${items} items`);
    },
  });
  if (isTerminal) process.stdout.write('\r\u001b[K');
  reports.push(report);
}

console.table(
  Object.fromEntries(
    reports.map(({ transport, verdict, seconds, ...figures }) => [
      transport,
      {
        kills: figures.kills,
        'of them under way': figures.killsOfCrawl,
        starts: figures.starts,
        connections: figures.connections,
        items: figures.items,
        lost: verdict.lost,
        twice: verdict.twice,
        'out of order': verdict.disordered,
        'other faults': verdict.faults.length,
        seconds: Math.round(seconds),
      },
    ]),
  ),
);
for (const { transport, verdict } of reports)
  for (const fault of verdict.faults) console.error(`${transport}: ${fault}`);
if (reports.length === 0 || !reports.every(({ verdict }) => isInnocent(verdict))) process.exitCode = 1;
