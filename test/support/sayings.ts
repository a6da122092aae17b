/** What sites of several tables do. */
import { type Act, fill, html, type Saying, status } from './rows.js';

/** A robots.txt. */
export function robots(text: string | Buffer, type = 'text/plain'): Buffer {
  return html(text, { 'content-type': type });
}

/** A redirect to this place. */
export function to(location: string, line = '302 Found', ...headers: string[]): Act {
  return (socket, _, site) => void socket.write(status(line, `location: ${fill(location, site)}`, ...headers));
}

/** Says the first to its first request, and the second to all that come later. */
export function firstThen(first: Saying, later: Saying): Act {
  let isFirst = true;
  return (socket, request, site) => {
    const saying = isFirst ? first : later;
    isFirst = false;
    if (typeof saying === 'function') saying(socket, request, site);
    else socket.write(typeof saying === 'string' ? html(saying) : saying);
  };
}

/** Says this, and notes when each target was asked for. */
export function noted(saying: Act | Buffer): { say: Act; times: (target: string) => number[] } {
  const asked: (readonly [target: string, at: number])[] = [];
  return {
    say(socket, request, site) {
      asked.push([request.split(' ')[1] ?? '', performance.now()]);
      if (typeof saying === 'function') saying(socket, request, site);
      else socket.write(saying);
    },
    times: (wanted) => asked.filter(([target]) => target === wanted).map(([, at]) => at),
  };
}

/** How long after each other. */
export function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((at, i) => at - (times[i] ?? 0));
}

/** The host that a request names. */
export const hostOf = (request: string) => /^host: (\S+)/im.exec(request)?.[1] ?? '';
