/** Events with their types: the service's own, and the items that spiders add. */
import type { CloudEvent, EventData, SystemEventType } from '#src/events.js';

/** Item types and what an item of each is. */
export type ItemMap = object;

/** What the built-in `quotes` spider extracts. */
export interface Quote {
  quote: string | null;
  author: string | null;
  tags: string[];
}

/** Items of the built-in spider: what a client expects where it is told nothing else. */
export interface BuiltInItems {
  quote: Quote;
}

/** An event of the service's own vocabulary; all of them as a discriminated union. */
export type SystemEvent<Type extends SystemEventType = SystemEventType> = {
  [One in Type]: CloudEvent<One, EventData[One]>;
}[Type];

/** An event that carries an item. */
export type ItemEvent<Items extends ItemMap> = {
  [Type in keyof Items & string]: CloudEvent<Type, Items[Type]>;
}[keyof Items & string];

/** Every event that a stream may give, discriminated by `type`. */
export type AnyEvent<Items extends ItemMap = BuiltInItems> = SystemEvent | ItemEvent<Items>;

/** The event of a type: one of the service's own, an item that is known, or one that is not. */
export type EventOf<Type extends string, Items extends ItemMap = BuiltInItems> = Type extends SystemEventType
  ? SystemEvent<Type>
  : Type extends keyof Items
    ? CloudEvent<Type, Items[Type]>
    : CloudEvent<Type, unknown>;
