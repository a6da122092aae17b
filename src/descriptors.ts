/** File descriptors: every file, connection and thread takes some, and a process may have only so many. */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/** One is free now and then also while there are not enough: what is refused for want of one is closed at once. */
const few = 4;

/** Whether there are none left to speak of. */
export function isOutOfDescriptors(): boolean {
  const open: number[] = [];
  try {
    while (open.length < few) open.push(openSync(devNull, 'r'));
    return false;
  } catch (error) {
    return isShortage(error);
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}

/** Whether something failed for want of a file descriptor; a thread tells of it in words alone. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && /\bE[MN]FILE\b/.test(error.message);
}
