/** The list of crawls, newest first: kept by asking for the newest few of it, again and again. */
import { ApiError, type Crawl, read } from './api.js';

/** How many crawls are listed. */
const maxListed = 500;
/** How many are asked for each time: nearly all that changes is among them. */
const few = 20;

/** The newest crawls as they stand; those behind the newest few are as they are `known`, unless `isWhole`. */
export async function readList(known: readonly Crawl[], isWhole: boolean): Promise<readonly Crawl[]> {
  if (isWhole) return readNewest(maxListed);
  const newest = await readNewest(few);
  const oldest = newest.at(-1)?.id;
  const place = known.findIndex(({ id }) => id === oldest);
  if (place >= 0) return [...newest, ...known.slice(place + 1)].slice(0, maxListed);
  // More than those few are new, or another log has taken the place of the one that was known.
  return newest.length < few ? newest : readNewest(maxListed);
}

async function readNewest(limit: number): Promise<readonly Crawl[]> {
  return (await read<Crawl[]>(`/crawls?limit=${limit}`)).reverse();
}

/** One crawl as it stands; undefined where there is none of that id. */
export async function readCrawl(id: string): Promise<Crawl | undefined> {
  try {
    return await read<Crawl>(`/crawls/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'crawl.unknown') return undefined;
    throw error;
  }
}
