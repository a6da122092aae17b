/** What the system lets this process have. */

/** Names of Node's diagnostic report. */
type LimitName = 'open_files' | 'virtual_memory_kbytes' | 'file_size_blocks';

type Limits = Partial<Record<LimitName, { readonly soft?: unknown }>>;

let limits: Limits | undefined;

/** The limit that is in force; `Infinity` where there is none, `undefined` where that is not known. */
export function systemLimit(name: LimitName): number | undefined {
  limits ??= readLimits();
  const soft = limits[name]?.soft;
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return typeof soft === 'number' ? soft : undefined;
}

/** Node tells it in a report on everything alone, which takes it some milliseconds. */
function readLimits(): Limits {
  const report: { userLimits?: Limits } = process.report?.getReport() ?? {};
  return report.userLimits ?? {};
}
