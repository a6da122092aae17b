/** What is wrong with a spider, and where. */
import { ApiError, describeError } from './api.js';
import { lineAt, lineOfPath, placeOfMistake } from './json-place.js';

/** One thing that is wrong. */
export interface Problem {
  /** Empty where it is about the whole. */
  readonly field: string;
  readonly message: string;
  /** From 1; 0 where it is about no line. */
  readonly line: number;
}

/** Reads the text of a spider; what is no JSON is a problem with a line. */
export function parseText(text: string): { spider: { name?: unknown; start?: unknown } } | { problem: Problem } {
  try {
    return { spider: JSON.parse(text) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { problem: { field: '', message: `not JSON: ${message}`, line: lineAt(text, placeOfMistake(text)) } };
  }
}

/** What the service refused, each with the line of its field. */
export function problemsOf(error: unknown, text: string): Problem[] {
  if (!(error instanceof ApiError) || error.status !== 422) {
    return [{ field: '', message: describeError(error), line: 0 }];
  }
  return error.message.split(/; (?=[\w.@-]+: )/).map((problem) => {
    const [, field = '', message = problem] = /^([\w.@-]+): (.*)$/s.exec(problem) ?? [];
    return { field, message, line: field === '' ? 0 : lineOfPath(text, field) };
  });
}
