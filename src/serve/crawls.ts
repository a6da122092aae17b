/** `/crawls`: what is known of each crawl, its items, and the hands on its wheel. */
import { CrawlcastError } from '../errors.js';
import { readFormat, sendItems } from './items.js';
import { readJson, sendJson } from './json.js';
import { type Exchange, type Route, readQuery } from './routes.js';
import { readStartRequest } from './start-request.js';
import { checkTypes } from './subscription.js';

export const crawlRoutes: readonly Route[] = [
  { path: '/crawls', GET: list, POST: start },
  { path: '/crawls/:id', GET: show },
  { path: '/crawls/:id/items', GET: items },
  { path: '/crawls/:id/pause', POST: (exchange) => control(exchange, 'pause') },
  { path: '/crawls/:id/resume', POST: (exchange) => control(exchange, 'resume') },
  { path: '/crawls/:id/cancel', POST: (exchange) => control(exchange, 'cancel') },
];

function list(exchange: Exchange): void {
  const { store, runner, request } = exchange;
  const { limit, before } = readQuery(request.query, ['limit', 'before']);
  const all = store.crawls();
  const end = before === undefined ? all.length : all.findIndex(({ id }) => id === before);
  if (end < 0) throw new CrawlcastError('query.invalid', '"before" is the id of a crawl');
  const wanted = all.slice(limit === undefined ? 0 : Math.max(0, end - readLimit(limit)), end);
  sendJson(
    exchange,
    wanted.map(({ id }) => runner.snapshot(id)),
  );
}

/** @throws CrawlcastError `query.invalid` */
function readLimit(limit: string): number {
  if (/^[1-9]\d{0,8}$/.test(limit)) return Number(limit);
  throw new CrawlcastError('query.invalid', '"limit" is a whole number from 1');
}

async function start(exchange: Exchange): Promise<void> {
  const { request, runner, spiders } = exchange;
  readQuery(request.query, []);
  const snapshot = await runner.start(readStartRequest(await readJson(request), spiders));
  sendJson(exchange, snapshot, 201, { location: `/crawls/${snapshot.id}` });
}

function show(exchange: Exchange): void {
  readQuery(exchange.request.query, []);
  sendJson(exchange, snapshotOf(exchange));
}

async function items(exchange: Exchange): Promise<void> {
  const { store, request } = exchange;
  const { type, format } = readQuery(request.query, ['type', 'format'], 'type');
  const { id } = snapshotOf(exchange);
  const types = type?.split(',');
  if (types !== undefined) checkTypes(types);
  const selection = { crawl: id, until: store.log.last, ...(types && { types }) };
  await sendItems(exchange, selection, readFormat(format));
}

async function control(exchange: Exchange, action: 'pause' | 'resume' | 'cancel'): Promise<void> {
  readQuery(exchange.request.query, []);
  sendJson(exchange, await exchange.runner[action](snapshotOf(exchange).id));
}

function snapshotOf({ runner, params }: Exchange) {
  const { id = '' } = params;
  const snapshot = runner.snapshot(id);
  if (snapshot === undefined) throw new CrawlcastError('crawl.unknown', `there is no crawl "${id.slice(0, 100)}"`);
  return snapshot;
}
