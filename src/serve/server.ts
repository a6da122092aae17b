/** The service: every request finds its way here. */
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { classicRoutes } from './classic.js';
import { hasHadAll } from './crawl-end.js';
import { crawlRoutes } from './crawls.js';
import { documentRoutes } from './documents.js';
import { maxBodyBytes } from './json.js';
import { pageRoutes } from './pages.js';
import { isOurs, problem } from './problem.js';
import { type Context, createRouter, type Exchange, type Route } from './routes.js';
import { spiderRoutes } from './spiders.js';
import { openEventStream, sseHeaders } from './sse.js';
import { plan } from './subscriber.js';
import { parseSubscriptionQuery } from './subscription.js';
import type { Answer, Headers, HttpRequest, HttpResponse, Service, UpgradeVerdict } from './transport.js';
import { chooseProtocol, openSocket, upgradeNeeded } from './websocket.js';

/** The route table. Paths in one place; what each does in its own file. */
export const routes: readonly Route[] = [
  ...classicRoutes,
  { path: '/events', GET: streamEvents },
  { path: '/ws', GET: refusePlain },
  ...crawlRoutes,
  ...spiderRoutes,
  ...documentRoutes,
  ...pageRoutes,
];

const findRoute = createRouter(routes);

/** What a service needs besides its routes. */
export interface ServerOptions {
  /** Told of errors that are ours. */
  readonly onError?: (error: unknown) => void;
  /** Told of WebSocket handshakes that were refused. */
  readonly onRefusal?: (error: CrawlcastError, address: string) => void;
}

/** Makes the service that a transport carries. */
export function createServer(context: Context, options: ServerOptions = {}): Service {
  const fail = (error: unknown): Answer => {
    const known = toCrawlcastError(error);
    if (isOurs(known)) options.onError?.(error);
    return problem(known, context.access.failureHeaders(known));
  };

  return {
    request(request, response) {
      let gone = false;
      response.onAbort(() => {
        gone = true;
      });
      respond(context, request, response).catch((error: unknown) => {
        if (gone) return;
        const { status, headers, body } = fail(error);
        response.send(status, { ...context.access.corsHeaders(request), ...headers }, body);
      });
    },
    upgrade(request) {
      try {
        return acceptSocket(context, request);
      } catch (error) {
        options.onRefusal?.(toCrawlcastError(error), request.remoteAddress);
        return { refuse: fail(error) };
      }
    },
    onError: (thrown) => options.onError?.(thrown),
  };
}

async function respond(context: Context, request: HttpRequest, response: HttpResponse): Promise<void> {
  const cors = context.access.corsHeaders(request);
  const { route, params } = findRoute(request.path);
  if (request.method === 'OPTIONS') {
    response.send(204, { ...cors, ...context.access.preflightHeaders(request), allow: methodsOf(route).join(', ') });
    return;
  }
  const handler = route[request.method === 'HEAD' ? 'GET' : request.method];
  if (typeof handler !== 'function') {
    refuse(response, methodError(route, request), { ...cors, allow: methodsOf(route).join(', ') });
    return;
  }
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  context.access.check(request, isReading ? route.needs : 'write');
  // A page of another site can send such requests, too, and no token may be set.
  if (!isReading) context.access.checkOrigin(request);
  // Refused whatever it says that it is, and also where nobody wants a body.
  if (Number(request.header('content-length') ?? 0) > maxBodyBytes) await request.readBody(maxBodyBytes);
  // To copy the context, the same for all requests, would be most of what one allocates. `Object.create` gives no type.
  const shared = Object.create(context) as Context;
  await handler(Object.assign(shared, { request, response, params, cors }));
}

function methodError(route: Route, { method }: HttpRequest): CrawlcastError {
  return new CrawlcastError('method.invalid', `${method} is not possible here: use ${methodsOf(route).join(', ')}`);
}

function methodsOf(route: Route): string[] {
  const own = ['GET', 'POST', 'PUT', 'DELETE'].filter((method) => method in route);
  return [...own, ...('GET' in route ? ['HEAD'] : []), 'OPTIONS'];
}

function streamEvents({ request, response, store, hub, cors }: Exchange): void {
  const accept = request.header('accept');
  if (accept !== undefined && !/text\/(event-stream|\*)|\*\/\*/i.test(accept)) {
    throw new CrawlcastError(
      'accept.unsupported',
      '/events is text/event-stream: accept that, or read /crawls/ID/items',
    );
  }
  const planned = plan(parseSubscriptionQuery(request.query), store, request.header('last-event-id'));
  if (hasHadAll(store, planned)) {
    // Nothing is left, not even a gap to be told of: 204 tells EventSource to stop coming back.
    response.send(204, cors);
  } else if (request.method === 'HEAD') {
    response.send(200, { ...sseHeaders, ...cors });
  } else {
    hub.checkRoom(request.remoteAddress);
    openEventStream({ store, hub, plan: planned, address: request.remoteAddress }, response, cors);
  }
}

function refusePlain({ response, cors }: Exchange): void {
  refuse(response, upgradeNeeded, { ...cors, upgrade: 'websocket', connection: 'Upgrade' });
}

/** For refusals whose status has a header of its own. */
function refuse(response: HttpResponse, error: CrawlcastError, extra: Headers): void {
  const { status, headers, body } = problem(error, extra);
  response.send(status, headers, body);
}

function acceptSocket(context: Context, request: HttpRequest): UpgradeVerdict {
  const { access, store, hub } = context;
  if (request.path !== '/ws') throw new CrawlcastError('route.unknown', 'the WebSocket is at /ws');
  access.checkOrigin(request);
  access.check(request, 'read');
  const planned = plan(parseSubscriptionQuery(request.query), store);
  const address = request.remoteAddress;
  hub.checkRoom(address);
  const protocol = chooseProtocol(request.header('sec-websocket-protocol'));
  return {
    accept: (socket) => openSocket({ store, hub, plan: planned, address }, socket),
    ...(protocol === undefined ? {} : { protocol }),
  };
}
