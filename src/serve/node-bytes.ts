/** Bytes for Node, which keeps what it does not send at once. */
import { Buffer } from 'node:buffer';
import { oncePer } from './once-per.js';

/** A copy, one for all who are sent the same: the caller's bytes are its own again when a write returns. */
export const ownBytes = oncePer((bytes: Buffer) => Buffer.from(bytes));
