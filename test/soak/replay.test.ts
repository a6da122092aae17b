import { describe, it } from 'node:test';
import { transports } from '../support/log-service.js';
import { temporaryFolder } from '../support/process.js';
import { runReplay } from '../support/replay.js';

const seeds = Number(process.env.SEEDS ?? 20);

describe('replay', () => {
  for (const transport of transports) {
    it(`joins live without a seam for many seeds (${transport})`, async (t) => {
      for (let seed = 100; seed < 100 + seeds; seed++) {
        await runReplay({ seed, transport, data: temporaryFolder(t), steps: 400, followers: 12 });
      }
    });
  }
});
