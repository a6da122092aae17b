/** How the engine collects garbage in this process. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

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

let isTuned = false;

/** Sets it for the whole process, threads that are started later included: none that does our work may run yet. */
export function tuneCollector(): void {
  if (isTuned) return;
  isTuned = true;
  // The engine does not expect it while helpers mark, as they do when so many modules have been loaded: it would no longer wait for them, and
  // end the process where both are at one object. Once all is collected nobody marks.
  collectAll();
  for (const flag of [...withoutHelpers, withoutReducer, growth]) setFlagsFromString(flag);
}

function collectAll(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc()');
  setFlagsFromString('--no-expose-gc');
}
