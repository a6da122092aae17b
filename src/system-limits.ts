/** What the system lets this process have. */

/** Names of Node's diagnostic report. */
type LimitName = 'open_files' | 'virtual_memory_kbytes';

/** The limit that is in force; `Infinity` where there is none, `undefined` where that is not known. */
export function systemLimit(name: LimitName): number | undefined {
  // Node tells it nowhere else.
  const report: { userLimits?: Partial<Record<LimitName, { soft?: unknown }>> } = process.report?.getReport() ?? {};
  const soft = report.userLimits?.[name]?.soft;
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return typeof soft === 'number' ? soft : undefined;
}
