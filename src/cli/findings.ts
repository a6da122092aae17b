/** What the selectors of a spider found in a crawl, for whoever has just written them. */
import type { FieldRule, Spider } from '../crawl/spider.js';
import { dataOf, dataText } from '../events-json.js';
import type { LogEvent } from '../store/store.js';
import { counted } from './terminal.js';

interface Found {
  items: number;
  /** Fields that no item had yet. */
  readonly missing: Set<string>;
}

/** Counts what a spider of data finds; the code of a module says itself what it looks for. */
export class Findings {
  readonly #types = new Map<string, Found>();
  readonly #follows: boolean;
  #pages = 0;
  #links = 0;

  constructor({ items, follow, module }: Spider) {
    this.#follows = module === undefined && follow.length > 0;
    if (module !== undefined) return;
    for (const [type, { fields }] of Object.entries(items)) {
      const missing = Object.keys(fields).filter((name) => !hasDefault(fields[name]));
      this.#types.set(type, { items: 0, missing: new Set(missing) });
    }
  }

  /** Takes an event of the crawl. */
  see({ type, json }: LogEvent): void {
    if (type === 'page') {
      this.#pages++;
      this.#links += dataOf(json, 'page').links;
      return;
    }
    const found = this.#types.get(type);
    if (found === undefined) return;
    found.items++;
    // Most spiders are right: with their first items there is nothing left to look for.
    if (found.missing.size > 0) takeFields(found.missing, JSON.parse(dataText(json).toString()));
  }

  /** One line for each selector that has found nothing at all. */
  get complaints(): readonly string[] {
    if (this.#pages === 0) return [];
    const pages = counted(this.#pages, 'page');
    const ofItems = [...this.#types].flatMap(([type, { items, missing }]) =>
      items === 0
        ? [`items.${type}: no item on ${pages}`]
        : [...missing].map((name) => `items.${type}.fields.${name}: no value in ${counted(items, 'item')}`),
    );
    const ofLinks = this.#follows && this.#links === 0 ? [`follow: no link on ${pages}`] : [];
    return [...ofItems, ...ofLinks].map((line) => `${line}; is the selector right?`);
  }
}

function hasDefault(rule: FieldRule | undefined): boolean {
  return typeof rule === 'object' && 'default' in rule && rule.default !== undefined;
}

function takeFields(missing: Set<string>, data: Record<string, unknown>): void {
  for (const name of missing) {
    const value = data[name];
    const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) missing.delete(name);
  }
}
