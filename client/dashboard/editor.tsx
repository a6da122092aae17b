import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { describeError, read, send, spiderNames } from './api.js';
import { type Problem, parseText, problemsOf } from './problems.js';
import { complain, start } from './session.js';
import { forgetTrial, tryOut } from './trial.js';
import { TrialResult } from './trial-result.js';

const example = `{
  "name": "my-quotes",
  "start": ["https://quotes.toscrape.com/"],
  "items": {
    "quote": {
      "each": "div.quote",
      "fields": {
        "quote": { "css": "span.text", "strip": "[“”]" },
        "author": "small.author",
        "tags": ["a.tag"]
      }
    }
  },
  "follow": ["li.next a"]
}
`;

const text = signal(example);
const url = signal('');
const problems = signal<readonly Problem[]>([]);
const said = signal('');
const names = signal<readonly string[]>([]);

/** Writes, tries and saves spiders. */
export function Editor() {
  useEffect(() => {
    spiderNames().then((known) => {
      names.value = known;
    }, complain);
  }, []);
  return (
    <main class="editor">
      <section aria-label="The spider">
        <div class="bar">
          <h2>Spider</h2>
          <Loader />
        </div>
        <Source />
        <Problems />
      </section>
      <section aria-label="The trial">
        <Actions />
        {said.value !== '' && (
          <p class="hint" role="status">
            {said.value}
          </p>
        )}
        <TrialResult />
      </section>
    </main>
  );
}

function Loader() {
  const load = async (name: string) => {
    if (name === '') return;
    text.value = `${JSON.stringify(await read(`/spiders/${encodeURIComponent(name)}`), undefined, 2)}\n`;
    problems.value = [];
    said.value = '';
  };
  return (
    <select
      aria-label="Open a spider"
      value=""
      onChange={({ currentTarget }) => void load(currentTarget.value).catch(complain)}
    >
      <option value="">Open…</option>
      {names.value.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** The text, with its lines numbered; those with a problem are marked. */
function Source() {
  const gutter = useRef<HTMLDivElement>(null);
  const bad = new Set(problems.value.map(({ line }) => line));
  return (
    <div class="source">
      <div class="gutter" ref={gutter} aria-hidden="true">
        {text.value.split('\n').map((_, i) => (
          <div key={i} class={bad.has(i + 1) ? 'bad' : undefined}>
            {i + 1}
          </div>
        ))}
      </div>
      <textarea
        id="source"
        aria-label="The spider as JSON"
        aria-invalid={problems.value.length > 0}
        aria-describedby="problems"
        spellcheck={false}
        autocapitalize="off"
        wrap="off"
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
        }}
        onScroll={({ currentTarget }) => gutter.current?.scrollTo({ top: currentTarget.scrollTop })}
      />
    </div>
  );
}

function Problems() {
  return (
    <ul class="problems" id="problems" aria-live="polite">
      {problems.value.map(({ field, message, line }) => (
        <li key={`${field} ${message}`}>
          <button type="button" class="plain" disabled={line === 0} onClick={() => goToLine(line)}>
            {line > 0 && `line ${line} · `}
            {field !== '' && <b>{field}</b>} {message}
          </button>
        </li>
      ))}
    </ul>
  );
}

function goToLine(line: number): void {
  const area = document.querySelector<HTMLTextAreaElement>('#source');
  if (area === null) return;
  const lines = area.value.split('\n');
  const from = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
}

function Actions() {
  return (
    <form
      class="actions"
      onSubmit={(event) => {
        event.preventDefault();
        // What another text gave is not what this one gives, also where this one cannot be tried.
        forgetTrial();
        void withSpider((spider) => tryOut(spider, url.value.trim()));
      }}
    >
      <label for="url">Page</label>
      <input
        id="url"
        type="url"
        placeholder="the spider's first start URL"
        value={url.value}
        onInput={({ currentTarget }) => {
          url.value = currentTarget.value;
        }}
      />
      <button type="submit" class="main">
        Try
      </button>
      <button type="button" onClick={() => void withSpider(save)}>
        Save
      </button>
      <button type="button" onClick={() => void withSpider(crawlNow)}>
        Crawl
      </button>
    </form>
  );
}

/** Does something with the spider as it is written; what is wrong with it is shown at its fields. */
async function withSpider(act: (spider: { name?: unknown }) => Promise<void>): Promise<void> {
  said.value = '';
  const parsed = parseText(text.value);
  problems.value = 'problem' in parsed ? [parsed.problem] : [];
  if ('problem' in parsed) return;
  try {
    await act(parsed.spider);
  } catch (error) {
    problems.value = problemsOf(error, text.value);
    said.value = problems.value.some(({ line }) => line > 0)
      ? 'Not done: see the marked lines.'
      : `Not done: ${describeError(error)}.`;
  }
}

async function save(spider: { name?: unknown }): Promise<void> {
  await send('PUT', `/spiders/${encodeURIComponent(String(spider.name))}`, spider);
  said.value = `Saved as ${spider.name}.`;
  names.value = await spiderNames();
}

async function crawlNow(spider: { name?: unknown }): Promise<void> {
  await start(spider);
  location.hash = '#crawls';
}
