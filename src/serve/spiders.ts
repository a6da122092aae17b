/** `/spiders`: the spiders as data, and the keeping of more of them. */
import { publicSpider } from '../crawl/secrets.js';
import { readJson, sendJson } from './json.js';
import { type Exchange, type Route, readQuery } from './routes.js';

export const spiderRoutes: readonly Route[] = [
  { path: '/spiders', GET: list },
  { path: '/spiders/:name', GET: show, PUT: put, DELETE: remove },
];

function list(exchange: Exchange): void {
  const { spiders, request } = exchange;
  readQuery(request.query, []);
  sendJson(
    exchange,
    spiders.names().map((name) => publicSpider(spiders.definition(name))),
  );
}

function show(exchange: Exchange): void {
  readQuery(exchange.request.query, []);
  sendJson(exchange, publicSpider(exchange.spiders.definition(nameIn(exchange))));
}

async function put(exchange: Exchange): Promise<void> {
  const { spiders, request } = exchange;
  readQuery(request.query, []);
  const name = nameIn(exchange);
  const isNew = await spiders.put(name, await readJson(request));
  const location = isNew ? { location: `/spiders/${name}` } : {};
  sendJson(exchange, publicSpider(spiders.definition(name)), isNew ? 201 : 200, location);
}

async function remove(exchange: Exchange): Promise<void> {
  readQuery(exchange.request.query, []);
  await exchange.spiders.delete(nameIn(exchange));
  exchange.response.send(204, exchange.cors);
}

function nameIn({ params }: Exchange): string {
  return params.name ?? '';
}
