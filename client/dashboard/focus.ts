import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/**
 * Where an element goes away with the focus in it, the focus goes to another one: it would go to the page, and the next
 * Tab would begin at the top.
 */
export function useFocusHandedOn(from: RefObject<HTMLElement | null>, to: () => HTMLElement | null | undefined): void {
  // While this is drawn anew the element is still there, if only for the last time.
  const had = from.current?.contains(document.activeElement) === true;
  useLayoutEffect(() => {
    if (had && from.current === null) to()?.focus();
  });
}
