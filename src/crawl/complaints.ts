/** What is wrong with what somebody wrote, told as what to write instead. */
import { z } from 'zod';

type RawIssue = z.core.$ZodRawIssue;

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** The message of a mistake for which the schema itself has none. */
export function complain(issue: RawIssue): string | undefined {
  if (issue.code === 'invalid_type') return complainOfType(issue);
  if (issue.code === 'unrecognized_keys') return complainOfKeys(issue);
  if (issue.code === 'too_small')
    return issue.origin === 'number' ? `write at least ${issue.minimum}` : emptiness(issue);
  if (issue.code !== 'too_big') return undefined;
  if (issue.origin === 'number') return `write at most ${issue.maximum}`;
  return `it is too long: at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ' entries'}`;
}

function complainOfType({ expected, input }: Extract<RawIssue, { code: 'invalid_type' }>): string {
  const wanted = kinds[expected] ?? expected;
  // YAML reads 12 and true as what they look like.
  const quoted =
    expected === 'string' && (typeof input === 'number' || typeof input === 'boolean') ? ', in quotes' : '';
  if (expected === 'int' && typeof input === 'number') return `write ${wanted}`;
  return input === undefined ? `it is missing: write ${wanted}` : `write ${wanted}${quoted}, not ${kindOf(input)}`;
}

/** Says what there is: a misspelt name is seen beside the right one. */
function complainOfKeys({ keys, inst }: Extract<RawIssue, { code: 'unrecognized_keys' }>): string | undefined {
  const shape = inst instanceof z.ZodObject ? Object.keys(inst.shape) : [];
  if (shape.length === 0) return undefined;
  const named = keys.map((key) => JSON.stringify(key)).join(', ');
  return `${named} ${keys.length === 1 ? 'is no field' : 'are no fields'} here: there are ${shape.join(', ')}`;
}

function emptiness({ origin }: Extract<RawIssue, { code: 'too_small' }>): string {
  return origin === 'array' ? 'it is empty: write at least one' : 'it is empty';
}

function kindOf(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  return kinds[typeof input] ?? typeof input;
}

/**
 * The mistakes in their places. Where several forms are allowed, and what was written is one of them but for something
 * inside, that is the mistake.
 */
export function problemsOf(issues: readonly z.core.$ZodIssue[], place: readonly PropertyKey[]): string[] {
  return issues.flatMap((issue) => {
    const path = [...place, ...issue.path];
    if (issue.code === 'invalid_union') {
      const inside = issue.errors.find((errors) => errors.length > 0 && errors.every((error) => error.path.length > 0));
      if (inside !== undefined) return problemsOf(inside, path);
    }
    return [inPlace(path, issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message)];
  });
}

/**
 * The mistakes that the library has no word for: where any name may stand, it leaves this one out and is content. What
 * is looked at is what was written, step by step: YAML can write what holds itself.
 */
export function unspeakableIn(input: unknown, place: readonly PropertyKey[]): string[] {
  const places = new Map([[input, place]]);
  const problems: string[] = [];
  for (const [value, path] of places) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) problems.push(inPlace(path, '"__proto__" is no name that can be used here'));
    for (const [name, inner] of Object.entries(value)) if (!places.has(inner)) places.set(inner, [...path, name]);
  }
  return problems;
}

function inPlace(path: readonly PropertyKey[], message: string): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
}
