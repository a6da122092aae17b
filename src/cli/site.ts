/** `crawlcast site`. */
import { startSite } from '../site/site.js';
import { untilInterrupted } from './terminal.js';

/** Options as the command line gives them; times in milliseconds. */
export interface SiteCommandOptions {
  readonly host: string;
  readonly port: number;
  readonly pages: number;
  readonly perPage: number;
  readonly delay: number;
  readonly drip: number;
}

/** Runs the practice site until it is asked to stop. */
export async function site({ delay, drip, ...options }: SiteCommandOptions): Promise<void> {
  const stopped = untilInterrupted();
  const running = await startSite({ ...options, delayMs: delay, dripMs: drip });
  process.stdout.write(`listening on ${running.url}\n`);
  await stopped;
  await running.close();
}
