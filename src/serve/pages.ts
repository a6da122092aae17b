/** What is neither a snapshot nor a stream: the dashboard, and what watches over the service. */
import { dashboardRoutes } from './dashboard.js';
import { sendJson } from './json.js';
import { type Exchange, type Route, readQuery } from './routes.js';

export const pageRoutes: readonly Route[] = [
  ...dashboardRoutes,
  { path: '/healthz', needs: 'nothing', GET: (exchange) => sayState(exchange, 200, 'ok') },
  { path: '/readyz', needs: 'nothing', GET: sayReadiness },
  { path: '/metrics', GET: showMetrics },
  { path: '/hosts', GET: showHosts },
];

async function sayReadiness(exchange: Exchange): Promise<void> {
  const problem = await exchange.readiness.problem();
  if (problem === undefined) sayState(exchange, 200, 'ready');
  else sayState(exchange, 503, problem);
}

async function showMetrics({ metrics, response, cors }: Exchange): Promise<void> {
  const body = await metrics.render();
  response.send(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store', ...cors }, body);
}

/** More hosts than anybody looks at. */
const maxHosts = 1_000;

function showHosts(exchange: Exchange): void {
  readQuery(exchange.request.query, []);
  const busiest = exchange
    .hosts()
    .sort((a, b) => b.inFlight - a.inFlight || b.holdMs - a.holdMs || b.delayMs - a.delayMs);
  sendJson(exchange, busiest.slice(0, maxHosts));
}

function sayState({ response, cors }: Exchange, status: number, text: string): void {
  response.send(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...cors }, text);
}
