import { describe, it } from 'node:test';
import { transports } from './support/log-service.js';
import { temporaryFolder } from './support/process.js';
import { runReplay } from './support/replay.js';

describe('replay', () => {
  for (const transport of transports) {
    for (const seed of [1, 2]) {
      const title = 'joins live without a seam, whoever breaks off and comes back, whatever they ask';
      it(`${title} (${transport}, seed ${seed})`, { timeout: 30_000 }, async (t) => {
        await runReplay({ seed, transport, data: temporaryFolder(t), steps: 120, followers: 8 });
      });
    }
  }
});
