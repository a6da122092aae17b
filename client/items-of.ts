/** The items of a spider, as types: read off the spider's own rules. */

interface Rule {
  readonly css?: string | undefined;
  readonly all?: boolean | undefined;
  readonly default?: unknown;
  readonly as?: string | undefined;
}

type SpiderLike = {
  readonly items: { readonly [type: string]: { readonly fields: { readonly [name: string]: unknown } } };
};

/**
 * Item types of a spider that is given as a constant (`as const`), and what an item of each is.
 *
 * A selector gives `string | null`, a selector in brackets `string[]`, options what they say: `all` a list, `as: 'number'`
 * a number, `default` its own type instead of `null`.
 */
export type ItemsOf<Spider extends SpiderLike> = {
  -readonly [Type in keyof Spider['items']]: {
    -readonly [Name in keyof Spider['items'][Type]['fields']]: FieldValue<Spider['items'][Type]['fields'][Name]>;
  };
};

/** The value of one field, by its rule. */
export type FieldValue<Field> = Field extends string
  ? string | null
  : Field extends readonly unknown[]
    ? string[]
    : Field extends Rule
      ? OptionsValue<Field>
      : never;

type OptionsValue<Options extends Rule> = Options extends { all: infer All }
  ? All extends true
    ? List<Options>
    : Single<Options>
  : Single<Options>;

type Single<Options extends Rule> =
  | Scalar<Options>
  | (Options extends { default: infer Default } ? Widen<Default> : null);
type List<Options extends Rule> =
  | Scalar<Options>[]
  | (Options extends { default: infer Default } ? Widen<Default> : never);

type Scalar<Options extends Rule> = Options extends { as: infer As }
  ? string extends As
    ? string | number // Read from JSON, whose texts are of no known value.
    : As extends 'number'
      ? number
      : string
  : string;

/** `''` stands for any text, `0` for any number. */
type Widen<Value> = Value extends string
  ? string
  : Value extends number
    ? number
    : Value extends boolean
      ? boolean
      : Value extends readonly (infer One)[]
        ? Widen<One>[]
        : Value;
