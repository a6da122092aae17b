/** WebSocket by hand, for frames that no library would send. */
import { RawClient } from './raw-client.js';

/** How a frame differs from a lawful text frame. */
export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  readonly masked?: boolean;
  readonly reserved?: number;
}

/** A frame as a client sends it. */
export function clientFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = 1, fin = true, masked = true, reserved = 0 } = options;
  const bytes = Buffer.from(payload);
  const flag = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  let head: Buffer;
  if (bytes.length < 126) {
    head = Buffer.from([first, flag | bytes.length]);
  } else if (bytes.length < 65_536) {
    head = Buffer.from([first, flag | 126, bytes.length >> 8, bytes.length & 255]);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = flag | 127;
    head.writeBigUInt64BE(BigInt(bytes.length), 2);
  }
  // A mask of zeros leaves the payload readable.
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), bytes]);
}

/** A frame as the server sent it. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The whole frames in the bytes. */
export function readFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes.readUInt8(at + 1) & 127;
    const headLength = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + headLength > bytes.length) break;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(at + 2);
    if (short === 127) length = Number(bytes.readBigUInt64BE(at + 2));
    const end = at + headLength + length;
    if (end > bytes.length) break;
    frames.push({ opcode: bytes.readUInt8(at) & 15, payload: bytes.subarray(at + headLength, end) });
    at = end;
  }
  return frames;
}

/** The code of a close frame, 1005 where it has none. */
export function closeCode(frame: ServerFrame): number {
  return frame.payload.length < 2 ? 1005 : frame.payload.readUInt16BE(0);
}

/** The key of the example in RFC 6455. */
export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A lawful handshake, with headers added, or replaced, or left out where the value is empty. */
export function handshakeRequest(path = '/ws', changes: Record<string, string> = {}): string {
  const headers = {
    Host: 'test',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': sampleKey,
    ...changes,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== '');
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Connects, and waits for the server's agreement. */
export async function openRawWebSocket(port: number, path?: string): Promise<RawClient> {
  const client = new RawClient(port);
  client.send(handshakeRequest(path));
  await client.untilText('\r\n\r\n');
  if (!client.text.startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${client.text}`);
  client.forget();
  return client;
}
