import { createHash } from 'node:crypto';

/** The server's half of RFC 6455, as far as a flood needs it: made by hand, so that nothing of it is in anybody's way. */

const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;
const FINAL = 0x80;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The answer that turns a request into a WebSocket. */
export function upgradeAnswer(key: string): string {
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

export function textFrame(text: string): Buffer {
  return frame(OPCODE.text, Buffer.from(text));
}

export function pingFrame(): Buffer {
  return frame(OPCODE.ping, Buffer.alloc(0));
}

export function pongFrame(payload: Buffer): Buffer {
  return frame(OPCODE.pong, payload);
}

/** A close with code 1000. */
export function closeFrame(): Buffer {
  return frame(OPCODE.close, Buffer.from([0x03, 0xe8]));
}

/** What stands before a text of this many bytes. */
export function textHeader(length: number): Uint8Array {
  return header(OPCODE.text, length);
}

function frame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([header(opcode, payload.length), payload]);
}

/** Of an unmasked frame; payloads of a flood are below 64 KiB. */
function header(opcode: number, length: number): Uint8Array {
  return length < 126
    ? Uint8Array.of(FINAL | opcode, length)
    : Uint8Array.of(FINAL | opcode, 126, length >> 8, length & 255);
}

/** What a client sent. */
export type ClientFrame =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'ping'; readonly payload: Buffer }
  | { readonly kind: 'close' }
  | { readonly kind: 'other' };

/** Reads a client's masked frames from a stream of bytes. Clients of a flood send short, unfragmented ones. */
export class ClientFrames {
  #rest: Buffer = Buffer.alloc(0);

  read(bytes: Buffer): ClientFrame[] {
    let data = Buffer.concat([this.#rest, bytes]);
    const frames: ClientFrame[] = [];
    while (data.length >= 6) {
      const short = data.readUInt8(1) & 127;
      const header = short < 126 ? 2 : 4;
      const length = short < 126 ? short : data.readUInt16BE(2);
      const end = header + 4 + length;
      if (data.length < end) break;
      const mask = data.subarray(header, header + 4);
      const payload = Buffer.from(data.subarray(header + 4, end).map((byte, i) => byte ^ (mask[i & 3] ?? 0)));
      frames.push(meaning(data.readUInt8(0) & 15, payload));
      data = data.subarray(end);
    }
    this.#rest = data;
    return frames;
  }
}

function meaning(opcode: number, payload: Buffer): ClientFrame {
  if (opcode === OPCODE.text) return { kind: 'text', text: payload.toString() };
  if (opcode === OPCODE.ping) return { kind: 'ping', payload };
  return opcode === OPCODE.close ? { kind: 'close' } : { kind: 'other' };
}
