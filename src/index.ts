/** What a spider's module takes from this package. */
export {
  defineSpider,
  type Followed,
  type SpiderModule,
  type Yielded,
  type YieldedItem,
  type YieldedLinks,
} from './crawl/module.js';
export type { Link, Page, Part, Values } from './crawl/module-page.js';
