/** The way to a page: straight to its host, or through an HTTP proxy, over TCP or TLS, with checked addresses. */
import http from 'node:http';
import net, { type Socket, type TcpNetConnectOpts } from 'node:net';
import tls from 'node:tls';
import { CrawlcastError } from '../errors.js';
import { checkTarget, guardLookup, type Lookup, withoutBrackets } from './addresses.js';
import type { Route } from './connections.js';
import type { FetchOptions } from './messages.js';

/** Opens a socket to a host, to one of the addresses that the look-up among the options gives. */
export type Dial = (options: TcpNetConnectOpts) => Socket;

/** Opens sockets of TCP. */
export const tcp: Dial = (options) => net.connect(options);

/** What routes are made with. */
export interface RouteSettings {
  readonly lookup: Lookup;
  readonly dial: Dial;
  /** Certificates to trust besides Node's own, PEM. */
  readonly ca?: string;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/**
 * The way to a URL under these options. With `publicOnly` the addresses are checked as they are connected to.
 * @throws CrawlcastError `address.private`, `address.port`, `proxy.failed`
 */
export function findRoute(url: URL, options: FetchOptions, settings: RouteSettings): Route {
  if (options.publicOnly) checkTarget(url);
  const target = endpointOf(url);
  if (options.proxy === undefined) return directRoute(url, target, options.publicOnly, settings);
  const proxy = parseProxy(options.proxy);
  return target.secure ? tunnelRoute(url, target, proxy, settings) : forwardRoute(proxy, settings);
}

/**
 * Checks what a host name resolves to before a proxy is asked for it. It is the proxy that connects, and it may resolve
 * the name to something else: a proxy that can reach private networks has to refuse them itself.
 * @throws CrawlcastError `address.private`, and what the resolver throws
 */
export async function checkProxiedName(url: URL, lookup: Lookup): Promise<void> {
  const { host } = endpointOf(url);
  if (net.isIP(host) !== 0) return;
  await new Promise<void>((resolve, reject) => {
    guardLookup(lookup)(host, { all: true }, (error) => (error ? reject(error) : resolve()));
  });
}

/** Whether a request goes to the proxy itself, with the whole URL in its first line. */
export function isForwarded(url: URL, options: FetchOptions): boolean {
  return options.proxy !== undefined && url.protocol === 'http:';
}

/** The header that says who we are to the proxy of these options; undefined where it wants none. */
export function proxyAuthorization(proxy: string): string | undefined {
  return basicCredentials(parseProxy(proxy));
}

/** The credentials of a URL as a header value; undefined where it has none. */
export function basicCredentials(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const text = `${decode(url.username)}:${decode(url.password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function directRoute(url: URL, target: Endpoint, publicOnly: boolean, settings: RouteSettings): Route {
  const lookup = publicOnly ? guardLookup(settings.lookup) : settings.lookup;
  return {
    // a connection that was opened without the guard must not serve a request that has it
    key: `${publicOnly ? 'public' : 'any'} ${url.origin}`,
    origin: url.origin,
    open: (signal) => openSocket(target, { ...settings, lookup }, signal),
  };
}

function forwardRoute(proxy: URL, settings: RouteSettings): Route {
  return {
    key: `proxy ${proxy.href}`,
    origin: proxy.origin,
    open: (signal) => openProxySocket(proxy, settings, signal),
  };
}

function tunnelRoute(url: URL, target: Endpoint, proxy: URL, settings: RouteSettings): Route {
  return {
    key: `proxy ${proxy.href} ${url.origin}`,
    origin: url.origin,
    open: async (signal) => secure(await openTunnel(target, proxy, settings, signal), target, settings, signal),
  };
}

function parseProxy(text: string): URL {
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol === 'http:' || proxy?.protocol === 'https:') return proxy;
  throw new CrawlcastError('proxy.failed', 'the proxy has to be an http:// or https:// URL');
}

function endpointOf(url: URL): Endpoint {
  const isSecure = url.protocol === 'https:';
  return {
    host: withoutBrackets(url.hostname),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    secure: isSecure,
  };
}

async function openSocket(target: Endpoint, settings: RouteSettings, signal: AbortSignal): Promise<Socket> {
  const { host, port } = target;
  const socket = settings.dial({ host, port, lookup: settings.lookup, noDelay: true, keepAlive: true });
  await opened(socket, 'connect', signal);
  return target.secure ? secure(socket, target, settings, signal) : socket;
}

async function secure(socket: Socket, target: Endpoint, settings: RouteSettings, signal: AbortSignal): Promise<Socket> {
  const secured = tls.connect({
    socket,
    host: target.host,
    // an address is no server name, and a name has no dot at its end (RFC 6066 §3)
    servername: net.isIP(target.host) === 0 ? target.host.replace(/\.$/, '') : '',
    ALPNProtocols: ['http/1.1'],
    ...(settings.ca === undefined ? {} : { ca: [...tls.rootCertificates, settings.ca] }),
  });
  await opened(secured, 'secureConnect', signal);
  return secured;
}

/** Waits until a socket is usable. The signal closes it, now or at any time later. */
function opened(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy();
    const settle = () => {
      socket.off('error', fail).off('close', closed);
      resolve();
    };
    const fail = (error: Error) => {
      // whatever else this socket has to say, it has been said
      socket.on('error', () => {});
      reject(error);
    };
    const closed = () => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.once('error', fail).once('close', closed).once(event, settle);
  });
}

async function openProxySocket(proxy: URL, settings: RouteSettings, signal: AbortSignal): Promise<Socket> {
  try {
    return await openSocket(endpointOf(proxy), settings, signal);
  } catch (error) {
    throw proxyFailure(proxy, `cannot be reached (${error instanceof Error ? error.message : error})`, error);
  }
}

async function openTunnel(target: Endpoint, proxy: URL, settings: RouteSettings, signal: AbortSignal): Promise<Socket> {
  const socket = await openProxySocket(proxy, settings, signal);
  const authority = `${net.isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`;
  const authorization = basicCredentials(proxy);
  const headers = { host: authority, ...(authorization && { 'proxy-authorization': authorization }) };
  const request = http.request({ method: 'CONNECT', path: authority, headers, createConnection: () => socket });
  return new Promise((resolve, reject) => {
    const refuse = (status: number | undefined) => {
      socket.destroy();
      reject(proxyRefusal(proxy, status, authority));
    };
    request.on('connect', ({ statusCode }) => (statusCode === 200 ? resolve(socket) : refuse(statusCode)));
    request.on('response', ({ statusCode }) => refuse(statusCode));
    request.on('error', (error) => reject(proxyFailure(proxy, `broke the connection (${error.message})`, error)));
    request.end();
  });
}

/** The error for a proxy that answered with this status instead of passing the request on. */
export function proxyRefusal(proxy: URL, status: number | undefined, target: string): CrawlcastError {
  if (status !== 407) return proxyFailure(proxy, `answered ${status} instead of connecting to ${target}`);
  return new CrawlcastError('proxy.auth', `the proxy ${proxy.host} wants other credentials (407)`);
}

function proxyFailure(proxy: URL, what: string, cause?: unknown): CrawlcastError {
  return new CrawlcastError('proxy.failed', `the proxy ${proxy.host} ${what}`, { cause });
}
