/** How the engine collects garbage in this process. */
import { setFlagsFromString } from 'node:v8';

/**
 * There is a thread of ours for every core: helpers of a collector would only take theirs from another one. They cost
 * more than they save, as there is little to collect at a time; and whoever follows live waits for them.
 */
const withoutHelpers = ['--no-parallel-scavenge', '--no-concurrent-marking'];

/**
 * Where a burst is over, the engine collects everything once more, to give memory back: a pause of 10 to 40 ms for whoever follows live just
 * then, for memory that the next burst would take again.
 */
const withoutReducer = '--no-memory-reducer';

/**
 * How much a heap may grow, in hundredths of what was alive in it, before all of it is collected. The engine would let it grow to four times
 * that, and pages, with the bytes outside of the heap that they hold, would lie around for as long.
 */
const growth = '--heap-growing-percent=50';

/** Sets it for the whole process, threads that are started later included. */
export function tuneCollector(): void {
  for (const flag of [...withoutHelpers, withoutReducer, growth]) setFlagsFromString(flag);
}
