/** Where a command that keeps nothing has its log. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that goes with the process, also where whoever reads its output hangs up, or somebody insists with a second Ctrl-C. */
export function makeTemporaryFolder(command: string): string {
  const folder = mkdtempSync(join(tmpdir(), `crawlcast-${command}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
