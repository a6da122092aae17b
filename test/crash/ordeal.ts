/** One crawl of a service that is killed again and again, watched by subscribers that come back each time. */
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { quotesOfPage, type Site, startSite } from '#src/site/site.js';
import { freePort } from '../support/ports.js';
import { readSse, readUntil } from '../support/readers.js';
import { ask } from './ask.js';
import { type Blow, type Cut, planBlow } from './blows.js';
import type { Moment } from './moment.js';
import { type Life, type LifeOptions, startLife } from './process.js';
import { seededRandom } from './random.js';
import { type Subscriber, subscribe } from './subscriber.js';
import { innocent, judgeLog, judgeSubscriber, type Quote, quoteOf, textOf, type Verdict } from './verdict.js';
import { finished, wishes } from './wishes.js';

/** What a crawl is put through. */
export interface OrdealOptions {
  readonly transport: 'uws' | 'ws';
  /** How often it is killed at least. */
  readonly kills: number;
  readonly items: number;
  readonly seed: number;
  /** What comes first, before chance decides. */
  readonly blows?: readonly Blow[];
  /** Called after each kill. */
  readonly onKill?: (kills: number, items: number) => void;
}

/** What came of it. */
export interface Report {
  readonly transport: string;
  readonly kills: number;
  readonly starts: number;
  /** Before the crawl had finished. */
  readonly killsOfCrawl: number;
  readonly items: number;
  readonly subscribers: number;
  readonly connections: number;
  readonly seconds: number;
  readonly verdict: Verdict;
}

const perPage = 10;
const chains = 3;
const dripMs = 15;

/** Some pages have to be asked for again also without a kill. */
const failEvery = 17;

/** Two at the very end of the crawl, two afterwards. */
const killsOfEnd = 4;

/** Nothing takes that long, on a machine however busy. */
const stalledMs = 30_000;

/** Puts a crawl through it. What it finds wrong is in the report; it throws where the service itself gives up. */
export async function suffer(options: OrdealOptions): Promise<Report> {
  const data = mkdtempSync(join(tmpdir(), 'crawlcast-crash-'));
  const pages = Math.ceil(options.items / perPage);
  const quotes = new EventEmitter();
  const site = await startSite({ pages, perPage, dripMs, failEvery, onQuoteSent: () => quotes.emit('sent') });
  const startUrl = Array.from({ length: chains }, (_, i) => pageUrl(site, 1 + Math.floor((i * pages) / chains)));
  const life: LifeOptions = { port: await freePort(), data, startUrl, transport: options.transport };
  const ordeal = new Ordeal(options, life, quotes);
  try {
    await ordeal.run();
    const truth = new Map(
      Array.from({ length: pages }, (_, i) => [pageUrl(site, i + 1), quotesOfPage({ pages, perPage }, i + 1)]),
    );
    return await ordeal.judge(truth);
  } finally {
    await ordeal.close();
    await site.close();
    rmSync(data, { recursive: true, force: true });
  }
}

function pageUrl(site: Site, page: number): string {
  return `${site.url}/page/${page}/`;
}

class Ordeal {
  readonly #random;
  readonly #url: string;
  readonly #subscribers: Subscriber[];
  readonly #verdict = innocent();
  readonly #startedMs = performance.now();
  #life: Life | undefined;
  #kills = 0;
  #killsOfCrawl = 0;
  #starts = 0;
  /** Its last event is in the log, though perhaps nobody has seen it yet. */
  #isOver = false;

  constructor(
    readonly options: OrdealOptions,
    readonly lifeOptions: LifeOptions,
    readonly quotes: EventEmitter,
  ) {
    this.#random = seededRandom(options.seed);
    this.#url = `http://127.0.0.1:${lifeOptions.port}`;
    this.#subscribers = wishes.map((wish) => subscribe(this.#url, wish));
  }

  /** Kills the beginning, whatever comes, and the end; then lets it finish. */
  async run(): Promise<void> {
    for (const side of ['before', 'durable'] as const) {
      await this.#dieAsking({ at: 'commit', kind: 'start', side, nth: 1 }, 'GET', '/crawl');
    }
    await this.#up();
    const said = (await ask(this.#url, 'GET', '/crawl')).body;
    if (said !== 'SCRAPE IN PROGRESS') this.#fault(`a crawl whose start was durable is answered with ${said}`);
    await this.#kill();
    for (const blow of this.options.blows ?? []) await this.#strike(blow);
    while (this.#kills < this.options.kills - killsOfEnd) await this.#strike(planBlow(this.#random));
    for (const side of ['before', 'durable'] as const) {
      await this.#strike({ kind: 'moment', moment: { at: 'commit', kind: 'finish', side, nth: 1 } });
    }
    this.#isOver = true;
    await this.#strike({ kind: 'anytime', afterMs: this.#random.number(100) });
    await this.#expectState(['finished']);
  }

  /** Compares what everyone has. */
  async judge(truth: ReadonlyMap<string, readonly Quote[]>): Promise<Report> {
    await this.#up();
    const log = await readUntil(await readSse(this.#url, '?since=0'), 'crawl.finished');
    judgeLog(this.#verdict, log, truth);
    const results: Quote[] = JSON.parse((await ask(this.#url, 'GET', '/results')).body);
    const items = log.filter(({ type }) => type === 'quote');
    if (results.map(textOf).join() !== items.map((event) => textOf(quoteOf(event))).join()) {
      this.#fault('/results is not what the log holds, in its order');
    }
    const complete = this.#subscribers.map((one) =>
      one.until(() => one.events.length >= log.filter(one.wish.matches).length),
    );
    await Promise.race([Promise.all(complete), delay(stalledMs, undefined, { ref: false })]);
    const goodbyes = this.#subscribers.map((one) => one.finish());
    await this.#life?.end('SIGTERM');
    await Promise.all(goodbyes);
    for (const subscriber of this.#subscribers) judgeSubscriber(this.#verdict, log, subscriber);
    return this.#report(items.length);
  }

  async close(): Promise<void> {
    await this.#life?.end();
    await Promise.all(this.#subscribers.map((one) => one.finish()));
  }

  #report(items: number): Report {
    return {
      transport: this.options.transport,
      kills: this.#kills,
      starts: this.#starts,
      killsOfCrawl: this.#killsOfCrawl,
      items,
      subscribers: this.#subscribers.length,
      connections: this.#subscribers.reduce((sum, { connections }) => sum + connections, 0),
      seconds: (performance.now() - this.#startedMs) / 1000,
      verdict: this.#verdict,
    };
  }

  get #isFinished(): boolean {
    return this.#subscribers[0]?.events.some(finished) ?? false;
  }

  #fault(text: string): void {
    this.#verdict.faults.push(text);
  }

  #start(moment?: Moment): Life {
    this.#starts += 1;
    this.#life = startLife(this.lifeOptions, moment);
    return this.#life;
  }

  async #up(moment?: Moment): Promise<Life> {
    const life = this.#start(moment);
    await life.listens;
    return life;
  }

  async #kill(): Promise<void> {
    if (!this.#isOver && !this.#isFinished) this.#killsOfCrawl += 1;
    await this.#life?.end();
    this.#kills += 1;
    this.options.onKill?.(this.#kills, this.#subscribers[1]?.events.length ?? 0);
  }

  async #strike(blow: Blow): Promise<void> {
    if (blow.kind === 'paused') return this.#strikePaused(blow);
    const life = this.#start(blow.kind === 'moment' ? blow.moment : undefined);
    if (blow.kind !== 'starting') await life.listens;
    if (blow.kind === 'page') await this.#untilSent(blow.quotes);
    else if (blow.kind === 'moment') await this.#untilDead(life, blow.moment);
    else await delay(blow.afterMs);
    await this.#kill();
  }

  async #untilSent(count: number): Promise<void> {
    const waiting = new AbortController();
    const sent = (async () => {
      for (let left = count; left > 0; left -= 1) await once(this.quotes, 'sent', waiting);
    })();
    if (!(await this.#unlessFinished(sent, stalledMs))) this.#fault('a running crawl asks for no more pages');
    waiting.abort();
    await sent.catch(() => {});
  }

  /** The last commit may be a whole crawl away; any other may have to do without its moment. */
  async #untilDead(life: Life, moment: Moment): Promise<void> {
    const isLast = moment.at === 'commit' && moment.kind === 'finish';
    await this.#unlessFinished(life.ended, isLast ? stalledMs * 10 : 2_000);
  }

  /** Waits no longer than until the crawl has finished. False: neither came in time. */
  async #unlessFinished(done: Promise<void>, ms: number): Promise<boolean> {
    const stop = new AbortController();
    const finish = this.#subscribers[0]?.until(() => this.#isFinished);
    const late = delay(ms, false, { signal: stop.signal }).catch(() => false);
    const inTime = await Promise.race([done.then(() => true), finish?.then(() => true), late]);
    stop.abort();
    return inTime === true;
  }

  async #strikePaused({ afterMs, pause, resume }: Extract<Blow, { kind: 'paused' }>): Promise<void> {
    const id = await this.#change('pause', pause, afterMs);
    const happens: Record<Cut, readonly string[]> = {
      before: ['running'],
      durable: ['paused'],
      told: ['paused'],
      answered: ['paused'],
      cut: ['running', 'paused'],
    };
    let state = await this.#expectState(this.#isFinished ? ['finished'] : [...happens[pause], 'finished'], id);
    for (let cut = resume; state === 'paused'; cut = 'answered') {
      await this.#change('resume', cut, 0);
      state = await this.#expectState(
        cut === 'answered' ? ['running', 'finished'] : ['running', 'paused', 'finished'],
        id,
      );
    }
  }

  /** Asks for a change of the crawl's state, and kills the service over it. */
  async #change(action: 'pause' | 'resume', cut: Cut, afterMs: number): Promise<string> {
    const isMoment = cut !== 'cut' && cut !== 'answered';
    const life = await this.#up(isMoment ? { at: 'commit', kind: 'pause', side: cut, nth: 1 } : undefined);
    await delay(afterMs);
    const [{ id }]: [{ id: string }] = JSON.parse((await ask(this.#url, 'GET', '/crawls')).body);
    const asked = ask(this.#url, 'POST', `/crawls/${id}/${action}`).catch(() => {});
    if (cut === 'cut') await delay(this.#random.number(5));
    else await Promise.race([asked, life.ended]);
    await this.#kill();
    return id;
  }

  /** Looks in which state the crawl is after a start, and kills that life too. */
  async #expectState(states: readonly string[], id?: string): Promise<string> {
    await this.#up();
    const crawls: { id: string; state: string }[] = JSON.parse((await ask(this.#url, 'GET', '/crawls')).body);
    const state = crawls[0]?.state ?? 'none';
    if (crawls.length !== 1) this.#fault(`there are ${crawls.length} crawls`);
    if (id !== undefined && crawls[0]?.id !== id) this.#fault('the crawl is another one');
    if (!states.includes(state)) this.#fault(`the crawl is ${state}, and should be ${states.join(' or ')}`);
    await this.#kill();
    return state;
  }

  async #dieAsking(moment: Moment, method: string, path: string): Promise<void> {
    const life = await this.#up(moment);
    await ask(this.#url, method, path).catch(() => {});
    await life.ended;
    await this.#kill();
  }
}
