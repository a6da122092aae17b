/** The site that is crawled: uWebSockets.js in a process of its own, pages from memory. */
import { App, us_socket_local_port } from 'uWebSockets.js';
import { takeOrders } from './child.js';
import { preparePages } from './quote-site.js';

const pageOf = preparePages();

const app = App()
  .get('/robots.txt', (response) => {
    response.writeStatus('404 Not Found').end();
  })
  .get('/:pages/page/:page/', (response, request) => {
    const body = pageOf(Number(request.getParameter(0)), Number(request.getParameter(1)));
    response.cork(() => {
      response.writeHeader('content-type', 'text/html; charset=utf-8').end(body);
    });
  });
const listening = new Promise<string>((resolve) => {
  app.listen('127.0.0.1', 0, (socket) => resolve(`http://127.0.0.1:${us_socket_local_port(socket)}`));
});

takeOrders(() => listening);
