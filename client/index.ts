/** The client library: `import { connect } from 'crawlcast/client'`. */
export type {
  CloudEvent,
  CrawlEnd,
  CrawlSnapshot,
  CrawlState,
  CrawlStats,
  EventCounts,
  EventData,
  GapReason,
  SkipReason,
  SystemEventType,
} from '#src/events.js';
export { type Client, type ConnectOptions, type CrawlAnswer, connect, type Results } from './connect.js';
export type { CrawlRequest, Crawls, ItemRule, LinkRule, SpiderData, Spiders } from './crawls.js';
export { CrawlcastClientError, LogGapError, MissedEventsError } from './errors.js';
export { EventStream } from './event-stream.js';
export type { AnyEvent, BuiltInItems, EventOf, ItemEvent, ItemMap, Quote, SystemEvent } from './event-types.js';
export type { FieldValue, ItemsOf } from './items-of.js';
export type { StreamState } from './state.js';
export type { Condition, Subscription } from './subscription.js';
export type { SocketConstructor, SocketEvent, SocketLike } from './websocket.js';
