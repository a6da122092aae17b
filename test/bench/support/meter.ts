/** CPU time and memory of processes, as Linux counts them: all threads, children not included. */
import { readdirSync, readFileSync } from 'node:fs';

/** What a contender needed. */
export interface Spent {
  /** User and system, from start to stop. */
  readonly cpuSeconds: number;
  /** The most that was resident at once since the processes began, pages of mapped files included. */
  readonly peakRssMb: number;
  /** The same without what is mapped from files, sampled, from start to stop. */
  readonly peakAnonymousMb: number;
  /** Resident without what is mapped from files, every {@link sampleMs}, in MB. */
  readonly anonymousMb: readonly number[];
}

/** A measurement under way. */
export interface Meter {
  stop(): Spent;
}

const sampleMs = 100;

/** Starts to measure some processes together; they have to outlive the measurement. */
export function startMeter(pids: readonly number[]): Meter {
  const sum = (read: (pid: number) => number) => pids.reduce((total, pid) => total + read(pid), 0);
  const anonymousMb = [sum(anonymousOf)];
  const timer = setInterval(() => anonymousMb.push(sum(anonymousOf)), sampleMs);
  const before = sum(cpuSecondsOf);
  return {
    stop() {
      clearInterval(timer);
      const cpuSeconds = sum(cpuSecondsOf) - before;
      anonymousMb.push(sum(anonymousOf));
      return { cpuSeconds, peakRssMb: sum(peakOf), peakAnonymousMb: Math.max(...anonymousMb), anonymousMb };
    },
  };
}

/** CPU seconds that the threads of a process have used up to now; finer than `/proc/PID/stat`, which counts hundredths. */
export function cpuSecondsOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + nanosecondsOf(`/proc/${pid}/task/${thread}/schedstat`), 0) / 1e9;
}

function nanosecondsOf(schedstat: string): number {
  try {
    return Number(readFileSync(schedstat, 'utf8').split(' ')[0]);
  } catch {
    // A thread that has ended between the two looks.
    return 0;
  }
}

/** Resident memory of a process, without what is mapped from files, in MB. */
export function anonymousOf(pid: number): number {
  return megabytes(pid, 'RssAnon');
}

function peakOf(pid: number): number {
  return megabytes(pid, 'VmHWM');
}

function megabytes(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024;
}
