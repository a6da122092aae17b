export type { CloudEvent } from '#src/events.js';
