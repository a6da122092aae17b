/** Figures and times as people read them. */

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** A count. */
export const number = (value: number): string => whole.format(value);

/** A size in bytes. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  // Of what is shown, which is rounded: 999,700 bytes are 1.00 MB.
  const power = Math.min(4, Math.floor(Math.log10(Number(bytes.toPrecision(3))) / 3));
  return `${(bytes / 1_000 ** power).toPrecision(3)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** A length of time in milliseconds. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes} min`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** The time of day of an RFC 3339 time. */
export const timeOfDay = (time: string): string => clock.format(new Date(time));

/** Day and time. */
export const dayAndTime = (time: string): string => day.format(new Date(time));

/** A value of an item's data as one line of text. */
export function plain(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–';
  if (Array.isArray(value)) return value.map(plain).join(', ') || '–';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A URL without what is the same everywhere. */
export const shortUrl = (url: string): string => url.replace(/^https?:\/\//, '');
