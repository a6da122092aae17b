/** What is neither a snapshot nor a stream: the front page, and what watches over the service. */
import { frontPage } from './front-page.js';
import type { Exchange, Route } from './routes.js';

export const pageRoutes: readonly Route[] = [
  { path: '/', needs: 'nothing', GET: showFrontPage },
  { path: '/healthz', needs: 'nothing', GET: (exchange) => sayState(exchange, 200, 'ok') },
  { path: '/readyz', needs: 'nothing', GET: (exchange) => sayState(exchange, 200, 'ready') },
];

function showFrontPage({ response, cors }: Exchange): void {
  const { body, contentSecurityPolicy } = frontPage;
  response.send(
    200,
    {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      ...cors,
    },
    body,
  );
}

function sayState({ response, cors }: Exchange, status: number, text: string): void {
  response.send(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...cors }, text);
}
