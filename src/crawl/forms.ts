/** A form of a page, and what becomes of it when it is filled in. */
import { createDecoder } from './charset.js';
import { compileExtraction } from './extraction.js';
import { createExtractor } from './extractor.js';

/** A form as it stands in a page. */
export interface Form {
  /** Where it goes, absolute. */
  readonly action: string;
  readonly method: 'GET' | 'POST';
  /** Names and values of its hidden inputs, in their order. */
  readonly hidden: readonly [name: string, value: string][];
  /** Names of all that can be filled in or pressed, those of its hidden inputs too. */
  readonly inputs: readonly string[];
}

/** What is known of a page with a form, or of the page behind it. */
export interface FormPage {
  /** The first form that the selector matches. */
  readonly form: Form | undefined;
  /** Whether something matches the check. */
  readonly checked: boolean;
}

const hiddenInput = 'input[type="hidden" i][name][value]';
const anyInput = ':is(input, select, textarea, button)[name]';

/** Reads a page for a form, and for something else that tells where one is. */
export function createFormReader(form: string, check: string | undefined) {
  const fields = {
    action: { attr: 'action', as: 'url' },
    method: { attr: 'method' },
    // Both lists have one entry for each input.
    names: { css: hiddenInput, attr: 'name', all: true },
    values: { css: hiddenInput, attr: 'value', all: true },
    inputs: { css: anyInput, attr: 'name', all: true },
  } as const;
  const extraction = compileExtraction({
    items: { form: { each: form, fields }, ...(check !== undefined && { check: { each: check, fields: {} } }) },
  });
  return (text: string, url: string): FormPage => {
    let found: Form | undefined;
    let checked = false;
    const extractor = createExtractor(extraction, {
      url,
      format: 'html',
      onItem({ type, data }) {
        if (type === 'form') found ??= formOf(data, url);
        else checked = true;
      },
      onLink() {},
    });
    extractor.write(text);
    extractor.end();
    return { form: found, checked };
  };
}

function formOf({ action, method, names, values, inputs }: Readonly<Record<string, unknown>>, url: string): Form {
  const listOf = (list: unknown) => (Array.isArray(list) ? list.map(String) : []);
  const valueList = listOf(values);
  return {
    action: typeof action === 'string' ? action : url,
    method: String(method).toLowerCase() === 'post' ? 'POST' : 'GET',
    hidden: listOf(names).map((name, i) => [name, valueList[i] ?? '']),
    inputs: listOf(inputs),
  };
}

/** What is sent when a form is filled in. */
export interface Submission {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly body?: string;
}

/** Fills in a form; a field of our own replaces a hidden one of its name. */
export function fillIn(form: Form, fields: Readonly<Record<string, string>>): Submission {
  const hidden = form.hidden.filter(([name]) => !Object.hasOwn(fields, name));
  const content = new URLSearchParams([...hidden, ...Object.entries(fields)]);
  if (form.method === 'POST') return { url: form.action, method: 'POST', body: content.toString() };
  const url = new URL(form.action);
  url.search = content.toString();
  return { url: url.href, method: 'GET' };
}

/** The text of a whole body. */
export async function readBody(body: AsyncIterable<Uint8Array>, contentType: string | undefined): Promise<string> {
  const decoder = createDecoder(contentType);
  let text = '';
  for await (const chunk of body) text += decoder.write(chunk);
  return text + decoder.end();
}
