#!/usr/bin/env node
/** The commands. Each command's work is in a file of its own under `cli/`. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  defaultSpiders,
  defaultWorkers,
  parseHttpUrl,
  parseOrigin,
  parseRetention,
  parseText,
  parseToken,
  parseWhole,
} from './config.js';
import { CrawlcastError, toCrawlcastError } from './errors.js';
import { parseStoreUrl } from './store-url.js';
import { version } from './version.js';

/** Bad usage, by the convention of most tools. */
const badUsage = 2;

/** A parser whose refusals are told in another way. */
const retold = <Value>(parse: (text: string) => Value, tell: (message: string) => Error) => {
  return (text: string): Value => {
    try {
      return parse(text);
    } catch (error) {
      throw tell(toCrawlcastError(error).message);
    }
  };
};
/** Commander puts the option's name, or the variable's, in front of them. */
const named = <Value>(parse: (text: string) => Value) => retold(parse, (message) => new InvalidArgumentError(message));
const whole = (min: number, max: number) => named((text) => parseWhole(text, min, max));
/** One value as a flag has it, or the list of a variable. */
const collect = <Value>(parse: (text: string) => Value, separator: RegExp) => {
  const parseNamed = named(parse);
  return (text: string, before: Value[] | undefined) => [
    ...(before ?? []),
    ...text.trim().split(separator).map(parseNamed),
  ];
};
/** A comma within a URL is no separator, one before a URL is. */
const betweenUrls = /\s+|,\s*(?=https?:\/\/)/;
const betweenOrigins = /[\s,]+/;

/** An option that is an environment variable as well. A list in a variable is separated by commas or white space. */
function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  return made.env(`CRAWLCAST_${made.name().replaceAll('-', '_').toUpperCase()}`);
}

/** An option whose value is, or holds, a secret: commander would repeat one that it refuses. */
function secretOption(flags: string, description: string, parse: (text: string) => unknown): Option {
  const tell = (message: string) => new CrawlcastError('usage.invalid', `option '${flags}' is invalid: ${message}`);
  return option(flags, description).argParser(retold(parse, tell));
}

/** An option without a value. Its variable says yes (`1`, `true`, `yes`, `on`), or no (`0`, `false`, `no`, `off`, empty). */
function flag(flags: string, description: string): Option {
  const made = option(flags, description).default(false);
  const { envVar = '' } = made;
  if (['', '0', 'false', 'no', 'off'].includes(wordIn(envVar))) delete process.env[envVar];
  return made;
}

/** A variable that says no is not here any more: `flag` has deleted it. */
function checkFlag({ envVar = '' }: Option): void {
  const value = wordIn(envVar);
  if (['', '1', 'true', 'yes', 'on'].includes(value)) return;
  throw new CrawlcastError('usage.invalid', `${envVar} is true or false, not "${value}"`);
}

function wordIn(variable: string): string {
  return process.env[variable]?.trim().toLowerCase() ?? '';
}

const hostOption = () => option('--host <address>', 'address to bind').argParser(named(parseText)).default('127.0.0.1');
const portOption = (port: number) =>
  option('--port <number>', '0 picks a free one').argParser(whole(0, 65_535)).default(port);
const workersOption = () =>
  option('--workers <number>', 'threads that fetch and parse').argParser(whole(1, 64)).default(defaultWorkers);
const startUrlOption = (spider: string) =>
  option('--start-url <url>', `replaces the start URLs of the spider${spider} (repeatable)`).argParser(
    collect(parseHttpUrl, betweenUrls),
  );
const spidersOption = () =>
  option('--spiders <folder>', 'extra spiders: *.json, *.yaml, *.ts, *.js, *.mjs').default(defaultSpiders);

function siteOptions(command: Command): Command {
  return command
    .addOption(option('--pages <number>', 'pages of quotes').argParser(whole(1, 1_000_000)).default(10))
    .addOption(option('--per-page <number>', 'quotes on each').argParser(whole(1, 10_000)).default(10))
    .addOption(option('--delay <ms>', 'before each answer').argParser(whole(0, 3_600_000)).default(0))
    .addOption(option('--drip <ms>', 'after each quote').argParser(whole(0, 3_600_000)).default(0));
}

const program = new Command('crawlcast')
  .description('A crawler service that gives you each item the moment it is scraped.')
  .version(version)
  .addHelpText(
    'after',
    '\nExamples:\n  crawlcast demo\n  crawlcast crawl quotes -o quotes.csv\n  crawlcast serve --help',
  )
  .configureOutput({ outputError: (text, write) => write(`crawlcast: ${oneLine(text)}\n`) });

function oneLine(text: string): string {
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ');
}

program
  .command('serve')
  .description('run the service: HTTP, SSE, WebSocket, dashboard, crawler')
  .addOption(hostOption())
  .addOption(portOption(9000))
  .addOption(
    option('--data <folder>', 'where the log and the state of the crawls live')
      .argParser(named(parseText))
      .default('./data'),
  )
  .addOption(spidersOption())
  .addOption(startUrlOption(" 'quotes'"))
  .addOption(option('--transport <kind>', 'how it is served').choices(['auto', 'uws', 'ws']).default('auto'))
  .addOption(workersOption())
  .addOption(secretOption('--token <text>', 'what changes something needs this token', parseToken))
  .addOption(secretOption('--read-token <text>', 'reading needs this token', parseToken))
  .addOption(
    option('--cors-origin <origin>', 'browser origin that may use it, * for any (repeatable)').argParser(
      collect(parseOrigin, betweenOrigins),
    ),
  )
  .addOption(flag('--allow-private-networks', 'let spiders from outside fetch private addresses'))
  .addOption(
    secretOption('--store <url>', 'a NATS JetStream cluster that holds log and state: nats://host:4222', parseStoreUrl),
  )
  .addOption(
    option('--retention <amount>', 'log to keep: 1000000, 10GB, 30d')
      .argParser(named(parseRetention))
      .default({}, 'unlimited'),
  )
  .addOption(
    option('--max-connections <number>', 'streams open at once').argParser(whole(1, 10_000_000)).default(20_000),
  )
  .addOption(
    option('--max-connections-per-address <number>', 'of them, from one address other than loopback')
      .argParser(whole(1, 10_000_000))
      .default(10_000),
  )
  .addHelpText(
    'after',
    '\nExamples:\n  crawlcast serve --port 8080\n  CRAWLCAST_TOKEN=secret crawlcast serve --host 0.0.0.0\n  crawlcast serve --start-url http://127.0.0.1:8001/',
  )
  .action(async (options) => (await import('./cli/serve.js')).serve(options));

program
  .command('crawl')
  .description('one crawl without a server: items as JSON Lines on standard output')
  .argument('<spider>', 'a name or a file')
  .addOption(new Option('-o, --output <file>', 'write the items here: .jsonl, .json or .csv'))
  .addOption(spidersOption())
  .addOption(startUrlOption(''))
  .addOption(workersOption())
  .addHelpText(
    'after',
    '\nExamples:\n  crawlcast crawl quotes\n  crawlcast crawl shop.yaml | jq .text\n  crawlcast crawl shop.yaml -o shop.csv',
  )
  .action(async (spider, options) => (await import('./cli/crawl.js')).crawlOnce(spider, options));

program
  .command('tail')
  .description("follow a running service's events; survives restarts of the service")
  .argument('[url]', 'of the service, or of one of its streams', 'http://127.0.0.1:9000')
  .addOption(new Option('--type <types>', 'only these types, separated by commas'))
  .addOption(new Option('--crawl <id>', 'only this crawl, an id or latest; it ends with it'))
  .addOption(new Option('--since <place>', 'an id, an offset, a time, 0 or now (default: now)'))
  .addOption(new Option('--json', 'one event as JSON on each line'))
  .addOption(secretOption('--token <text>', 'for a service that needs one for reading', parseToken))
  .addHelpText(
    'after',
    '\nExamples:\n  crawlcast tail --type quote --since 0\n  crawlcast tail http://crawler:9000 --json | jq .data',
  )
  .action(async (url, options) => (await import('./cli/tail.js')).tail(url, options));

siteOptions(program.command('site'))
  .description('a practice site with the markup of quotes.toscrape.com')
  .addOption(hostOption())
  .addOption(portOption(8001))
  .addHelpText('after', '\nExample:\n  crawlcast site --pages 100 --drip 300')
  .action(async (options) => (await import('./cli/site.js')).site(options));

siteOptions(program.command('demo'))
  .description('site, service and one crawl, its quotes on the terminal as they come')
  .addOption(flag('--once', 'end after the crawl'))
  .addOption(portOption(9000))
  .addHelpText('after', '\nExample:\n  crawlcast demo --once')
  .action(async (options) => (await import('./cli/demo.js')).demo(options));

program.hook('preAction', (_, command) => {
  // A flag goes before its variable, whatever that says.
  const isAsked = (one: Option) => one.isBoolean() && command.getOptionValueSource(one.attributeName()) !== 'cli';
  command.options.filter(isAsked).forEach(checkFlag);
});
for (const command of program.commands) command.exitOverride();
program.exitOverride();

/** What a command throws is one line on standard error; its stack is nobody's business. */
function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : badUsage;
  const error = toCrawlcastError(thrown);
  process.stderr.write(`crawlcast: ${error.message}\n`);
  return error.code === 'usage.invalid' || error.code.startsWith('spider.') ? badUsage : 1;
}

// `crawlcast tail | head`: the reader has had enough, and nothing went wrong.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  if (error.code !== 'EIO') throw error;
});
// A terminal that has gone (EIO) takes nothing more; what is under way still ends as it should, by the SIGHUP that comes with it.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EIO' && error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = report(thrown);
}
