import type { Service } from './transport.js';

/** Runs the service's own code: what it throws is reported, `recover` runs, and nothing else is harmed. */
export function guard(service: Service, run: () => void, recover: () => void): void {
  try {
    run();
  } catch (thrown) {
    service.onError?.(thrown);
    recover();
  }
}
