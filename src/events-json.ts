/** The JSON text of an event: made once, by whoever knows the event; only its id is put in front, by the log. */
import type { EventData } from './events.js';

/** What an event's text says behind its id. */
export interface EventText {
  readonly source: string;
  readonly type: string;
  readonly subject?: string | undefined;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  /** JSON text. */
  readonly data: string;
}

/** An event's JSON behind its id, from `,"source":` to the closing brace; see `NewEvent.tail`. */
export function eventTail(text: EventText): string {
  return eventTailStart(text) + text.data + eventTailEnd;
}

/** What stands in a tail before the data. */
export function eventTailStart({ source, type, subject, time }: Omit<EventText, 'data'>): string {
  const about = subject === undefined ? '' : `,"subject":${JSON.stringify(subject)}`;
  return `,"source":${JSON.stringify(source)},"type":"${type}"${about},"time":"${time}","data":`;
}

/** What stands in a tail behind the data. */
export const eventTailEnd = '}';

const head = '{"specversion":"1.0","id":"';

/** The beginning of an event's JSON; with its tail behind it, it is whole. */
export function eventHead(id: string): string {
  return `${head}${id}"`;
}

/** Ends a server-sent event. */
export const frameEnd = '\n\n';

/** What stands before an event's JSON in a server-sent event. Ids and types are ASCII, so that its length is its bytes. */
export function frameHead(id: string, type: string): string {
  return `id: ${id}\nevent: ${type}\ndata: `;
}

const timeKey = ',"time":"';

/** When it happened, from an event's JSON: milliseconds since 1970. No text before the time can hold its key. */
export function eventTime(json: Buffer): number {
  const begin = json.indexOf(timeKey) + timeKey.length;
  return Date.parse(json.toString('latin1', begin, json.indexOf('"', begin)));
}

const dataKey = ',"data":';

/**
 * The JSON text of an event's data, without parsing the event: a view of the same bytes. Data is the last member, and
 * within the strings before it a quotation mark is escaped, so that the first `,"data":` is it.
 */
export function dataText(json: Buffer): Buffer {
  return json.subarray(json.indexOf(dataKey) + dataKey.length, -1);
}

/** The data of an event of the service's own vocabulary. */
export function dataOf<Type extends keyof EventData>(json: Buffer, _type: Type): EventData[Type] {
  // The service wrote it itself, as its vocabulary says.
  return JSON.parse(dataText(json).toString()) as EventData[Type];
}
