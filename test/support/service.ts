/** The service within the process of its test, put together as `crawlcast serve` does it: real sockets, a thread, a data file. */
import type { TestContext } from 'node:test';
import type { Config } from '#src/config.js';
import { type RunningService, startService } from '#src/service.js';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { temporaryFolder } from './process.js';

/** How it is run where a test says nothing: on a free port, with one thread and no folder of spiders. */
export const usualConfig: Config = {
  host: '127.0.0.1',
  port: 0,
  data: '',
  spiders: '/nonexistent',
  transport: 'auto',
  workers: 1,
  corsOrigin: [],
  allowPrivateNetworks: false,
  retention: {},
};

/**
 * Starts it; it is closed with its test. A process of its own (`runService`) takes a second of the machine more, and is for
 * tests of what a process is: its options, signals, output, death.
 */
export async function serveHere(test: TestContext, options: Partial<Config> = {}): Promise<RunningService> {
  let closed: Promise<void> | undefined;
  let service: RunningService | undefined;
  const close = async () => {
    closed ??= service?.close();
    await closed;
  };
  // Before the folder goes.
  test.after(close);
  const config = { ...usualConfig, ...options, data: options.data ?? temporaryFolder(test) };
  service = await startService(config, await openEmbeddedStore(config.data, { retention: config.retention }));
  return { ...service, close };
}
