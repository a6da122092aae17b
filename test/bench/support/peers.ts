/** What is compared with and is no dependency of the product: it has a package.json of its own. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../../test/bench/peers/', import.meta.url);

/** The script of a peer. */
export function peerScript(name: string): URL {
  return new URL(name, folder);
}

/** Why a peer cannot run; `undefined` where it can. */
export function missingPeer(packageName: string): { readonly missing: string } | undefined {
  if (existsSync(fileURLToPath(new URL(`node_modules/${packageName}`, folder)))) return undefined;
  return { missing: 'not installed: npm ci --prefix test/bench/peers' };
}
