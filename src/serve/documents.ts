/** The interface for machines: OpenAPI, AsyncAPI, and the JSON Schema of a spider. Made once, when first asked for. */
import { spiderJsonSchema } from '../crawl/spider.js';
import { asyncApiDocument } from './asyncapi.js';
import { openApiDocument } from './openapi.js';
import { type Handler, type Route, readQuery } from './routes.js';

export const documentRoutes: readonly Route[] = [
  { path: '/openapi.json', GET: showing(openApiDocument, 'application/json') },
  { path: '/asyncapi.json', GET: showing(asyncApiDocument, 'application/json') },
  { path: '/schemas/spider.json', GET: showing(spiderJsonSchema, 'application/schema+json') },
];

function showing(make: () => unknown, type: string): Handler {
  let made: string | undefined;
  return ({ request, response, cors }) => {
    readQuery(request.query, []);
    made ??= JSON.stringify(make(), null, 2);
    response.send(200, { 'content-type': type, 'cache-control': 'no-cache', ...cors }, made);
  };
}
