/** Rows in bytes, one behind the other. */

const headBytes = 6;
const deleted = -1;

/** Each row as the lengths of key and value, key and value; `null` is one that was deleted. */
export function encodeRows(rows: readonly (readonly [string, Buffer | null])[]): Buffer {
  let size = 0;
  for (const [key, value] of rows) size += headBytes + Buffer.byteLength(key) + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [key, value] of rows) {
    const length = bytes.write(key, at + headBytes);
    bytes.writeUInt16LE(length, at);
    bytes.writeInt32LE(value?.length ?? deleted, at + 2);
    at += headBytes + length;
    if (value !== null) at += value.copy(bytes, at);
  }
  return bytes;
}

/** The rows that bytes say. */
export function* decodeRows(bytes: Buffer): Generator<[string, Buffer | null]> {
  for (let at = 0; at < bytes.length; ) {
    const keyEnd = at + headBytes + bytes.readUInt16LE(at);
    const length = bytes.readInt32LE(at + 2);
    const key = bytes.toString('utf8', at + headBytes, keyEnd);
    at = keyEnd + Math.max(0, length);
    yield [key, length === deleted ? null : bytes.subarray(keyEnd, at)];
  }
}
