import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/**
 * Where an element goes away with the focus in it, another one gets the focus. Otherwise the page would, and the next Tab
 * would begin at the top.
 */
export function useFocusHandedOn(from: RefObject<HTMLElement | null>, to: () => HTMLElement | null | undefined): void {
  // While this is drawn the element is still there, even if for the last time.
  const had = from.current?.contains(document.activeElement) === true;
  useLayoutEffect(() => {
    if (had && from.current === null) to()?.focus();
  });
}
