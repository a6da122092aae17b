/** What a process holds, without the room that its collector has for what comes and goes. */
import { getHeapStatistics } from 'node:v8';
import { anonymousOf } from './meter.js';

/** In MB: what lives in the JavaScript heap, and all that is resident outside of it and not mapped from files. */
export function heldMemory(): number {
  global.gc?.();
  const { used_heap_size: used, total_physical_size: resident } = getHeapStatistics();
  return anonymousOf(process.pid) + (used - resident) / 2 ** 20;
}
