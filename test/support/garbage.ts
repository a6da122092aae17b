/** What the engine does when it likes, done now. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects all garbage, or of what is young alone. */
export const collectGarbage: (options?: { readonly type: 'minor' }) => void = runInNewContext('gc');
