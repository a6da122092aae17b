/** The two streams as an AsyncAPI 3.0 document. */
import type { SystemEventType } from '../events.js';
import { version } from '../version.js';
import { eventData, eventSchema, jsonSchema } from './schemas.js';

type Json = Record<string, unknown>;

const string = { type: 'string' };
const list = { type: 'array', items: string };

const subscription = {
  type: 'object',
  additionalProperties: false,
  properties: {
    type: { oneOf: [string, list], description: 'Only these types.' },
    crawl: { ...string, description: "A crawl's id, or latest." },
    since: { type: ['string', 'integer'], description: 'An id, an offset, a time, 0 or now.' },
    data: { type: 'object', description: 'Values that the data must have.' },
  },
};

/** Frames without `specversion`: those that steer a WebSocket. */
const controls: Readonly<Record<string, { from: 'client' | 'server'; summary: string; value: Json }>> = {
  subscribe: { from: 'client', summary: 'Replaces the subscription.', value: subscription },
  subscribed: {
    from: 'server',
    summary: 'The subscription that holds from now on, and where its cursor is.',
    value: { type: 'object', required: ['cursor'], properties: { ...subscription.properties, cursor: string } },
  },
  error: {
    from: 'server',
    summary: 'What could not be read; it has changed nothing.',
    value: { type: 'object', required: ['code', 'message'], properties: { code: string, message: string } },
  },
  cursor: { from: 'server', summary: 'Where the cursor is, after events that were left out.', value: string },
};

/** Makes the document. */
export function asyncApiDocument(): Json {
  // The vocabulary's own keys.
  const types = Object.keys(eventData) as SystemEventType[];
  const events = ['item', ...types.map(messageName)];
  const fromServer = Object.keys(controls).filter((name) => controls[name]?.from === 'server');
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Crawlcast streams',
      version,
      description: 'One log of CloudEvents, over server-sent events and over WebSocket.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/cloudevents+json',
    channels: {
      events: { address: '/events', description: 'Server-sent events.', messages: refer(events) },
      ws: {
        address: '/ws',
        description: 'WebSocket, subprotocol cloudevents.json.',
        messages: refer([...events, ...Object.keys(controls)]),
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      sendEvents: operation('send', 'events', events),
      sendFrames: operation('send', 'ws', [...events, ...fromServer]),
      receiveSubscription: operation('receive', 'ws', ['subscribe']),
    },
    components: { messages: { ...eventMessages(types), ...controlMessages() } },
  };
}

function eventMessages(types: readonly SystemEventType[]): Json {
  const item = {
    name: 'item',
    summary: 'An item; its type is the one that the spider gave it.',
    payload: jsonSchema(eventSchema(), 'draft-7'),
  };
  const own = types.map((type) => [
    messageName(type),
    { name: type, summary: summaries[type], payload: jsonSchema(eventSchema(type), 'draft-7') },
  ]);
  return { item, ...Object.fromEntries(own) };
}

const summaries: Readonly<Record<SystemEventType, string>> = {
  'crawl.started': 'The first of its crawl.',
  page: 'A page is done; comes after its items.',
  'page.failed': 'A page was given up, after retries.',
  'page.skipped': 'A link was not followed.',
  'crawl.paused': 'The crawl rests.',
  'crawl.resumed': 'The crawl goes on.',
  'crawl.finished': 'The last of its crawl.',
  'crawl.failed': 'The last of its crawl: no page could be had.',
  'crawl.cancelled': 'The last of its crawl.',
  'log.gap': 'The first that a reader gets whose place cannot be kept.',
};

function controlMessages(): Json {
  const made = Object.entries(controls).map(([name, { summary, value }]) => {
    const payload = { type: 'object', required: [name], additionalProperties: false, properties: { [name]: value } };
    return [name, { name, summary, contentType: 'application/json', payload }];
  });
  return Object.fromEntries(made);
}

/** Keys of components have no dots. */
function messageName(type: string): string {
  return type.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function refer(names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function operation(action: 'send' | 'receive', channel: string, names: readonly string[]): Json {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  };
}
