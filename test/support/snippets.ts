/** The examples in the documents. */
import { textOf } from './repository.js';

/** One example. */
export interface Snippet {
  readonly file: string;
  /** As the fence says; `sh` for indented commands. */
  readonly language: string;
  readonly text: string;
  /** The name of a file, where the line above says that this is one. */
  readonly name: string | undefined;
  /** Its file and first line. */
  readonly title: string;
}

const fence = /^( *)```(\w+)\n([\s\S]*?)^\1```$/gm;
const indented = /(?:^|\n\n)((?: {4}[^\n]*\n(?:\n(?= {4}))?)+)/g;
const command = /^(\$ )?(curl|node|npm|npx|docker) /;

/** All examples of a document: fenced ones, and commands that are indented. */
export function snippetsOf(file: string): Snippet[] {
  const document = textOf(file);
  const fenced = [...document.matchAll(fence)].map(({ index, 1: indent = '', 2: language = '', 3: text = '' }) => {
    const [above = ''] = document.slice(0, index).trimEnd().split('\n').slice(-1);
    const [, name] = /`([\w.-]+\.(?:ya?ml|json))`[^`]*:$/.exec(above) ?? [];
    return { language, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), name };
  });
  const commands = [...document.replaceAll(fence, '').matchAll(indented)]
    .map(([, text = '']) => text.replaceAll(/^ {4}/gm, ''))
    .filter((text) => command.test(text))
    .map((text) => ({ language: 'sh', text: typed(text), name: undefined }));
  return [...fenced, ...commands].map((snippet) => {
    return { file, ...snippet, title: `${file}: ${snippet.text.trim().split('\n')[0]}` };
  });
}

/** Where lines have a prompt, the others are what is answered. */
function typed(text: string): string {
  if (!text.startsWith('$ ')) return text;
  return [...text.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => `${line}\n`).join('');
}
