/** `GET /`: a page that shows the quotes as they are scraped, on the public API alone. */
import { createHash } from 'node:crypto';

const style = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
  li { margin: .5rem 0 } small { opacity: .7 } code { white-space: nowrap }
`;

const script = `
  const list = document.querySelector('ol');
  const status = document.querySelector('output');
  const show = (event) => {
    const { data } = JSON.parse(event.data);
    const line = document.createElement('li');
    const by = document.createElement('small');
    line.textContent = data.quote + ' ';
    by.textContent = data.author;
    line.append(by);
    list.prepend(line);
    while (list.childElementCount > 200) list.lastElementChild.remove();
  };
  const token = new URLSearchParams(location.search).get('access_token');
  const stream = new EventSource('/events?since=0&type=quote' + (token ? '&access_token=' + encodeURIComponent(token) : ''));
  stream.addEventListener('quote', show);
  stream.onopen = () => { status.textContent = 'live'; };
  stream.onerror = () => { status.textContent = 'connection lost, trying again'; };
  document.querySelector('button').onclick = async () => {
    status.textContent = await (await fetch('/crawl?restart=true')).text();
  };
`;

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page, and the policy that lets it load nothing but itself. */
export const frontPage = {
  contentSecurityPolicy:
    `default-src 'none'; connect-src 'self'; style-src ${hash(style)}; script-src ${hash(script)}; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  body: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Crawlcast</title>
<style>${style}</style></head>
<body>
<h1>Crawlcast</h1>
<p><button>Crawl</button> <output aria-live="polite">connecting</output></p>
<p>The same from a terminal: <code>curl -N '/events?type=quote'</code>, from a program: <code>/ws</code>, at the end:
<a href="/results">/results</a>.</p>
<ol reversed></ol>
<script>${script}</script>
</body>
</html>
`,
};
