/** The repository itself, as a subject of tests. */
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** All files of a folder and those inside it with one of these endings, as paths from the root, sorted; none of those installed. */
export function filesIn(folder: string, ...endings: string[]): string[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => !file.includes('/node_modules/'))
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .sort();
}

/** What a package.json says of dependencies. */
export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The repository's own package.json. */
export function manifest(): Manifest {
  return JSON.parse(textOf('package.json'));
}
