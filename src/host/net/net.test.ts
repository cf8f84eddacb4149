import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { nodeDialer } from './net.ts';
import { payloads } from './payloads.ts';

interface Session {
  readonly messages: { text: string; binary: boolean; time: number }[];
  readonly closed: { code: number; error: string | null };
}

/** Dials a server that does `serve` with its connection, until the connection is closed. */
async function dialled(serve: (connection: WebSocket) => void, frameBytesMax = 1000): Promise<Session> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', serve);
  const messages: Session['messages'] = [];
  let now = 0;
  const { port } = server.address() as AddressInfo;
  const dialer = nodeDialer(frameBytesMax, { now: () => ++now }, Buffer.alloc(65_536));
  const closed = await new Promise<Session['closed']>((resolve) => {
    dialer.dial(`ws://127.0.0.1:${port}`, {
      opened: () => undefined,
      messages: (bytes, spans, count, binary, time) => {
        for (const payload of payloads(bytes, spans, count))
          messages.push({ text: payload.toString(), binary, time });
      },
      closed: (code, _reason, error) => resolve({ code, error: error?.message ?? null }),
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return { messages, closed };
}

test('messages of a real server come in order, whole or in fragments; a goodbye is answered', async () => {
  const { messages, closed } = await dialled((connection) => {
    connection.send('one');
    connection.send(Buffer.from('two'));
    connection.send('th', { fin: false });
    connection.send('ree');
    connection.ping('are you there');
    connection.send('');
    connection.once('pong', () => {
      connection.send('five');
      connection.close(1001, 'bye');
    });
  });
  assert.deepEqual(
    messages.map(({ text, binary }) => `${text}${binary ? ' (binary)' : ''}`),
    ['one', 'two (binary)', 'three', '', 'five'],
  );
  assert.deepEqual(closed, { code: 1001, error: null });
  const times = messages.map(({ time }) => time);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.ok(times.every((time) => time > 0));
});

test('messages of one read have one stamp', async () => {
  const { messages } = await dialled((connection) => {
    const socket = (connection as unknown as { _socket: import('node:net').Socket })._socket;
    socket.cork();
    for (let n = 0; n < 20; n++) connection.send(`message ${n}`);
    connection.close();
    socket.uncork();
  });
  assert.equal(messages.length, 20);
  assert.equal(new Set(messages.map(({ time }) => time)).size, 1);
});

test('a message above the limit closes the connection with 1009, after everything before it was delivered', async () => {
  const { messages, closed } = await dialled((connection) => {
    connection.send('small');
    connection.send('x'.repeat(2000));
    connection.send('never seen');
  });
  assert.deepEqual(
    messages.map(({ text }) => text),
    ['small'],
  );
  assert.equal(closed.code, 1009);
});

test('messages larger than a read, and small ones around them, come whole: reads share memory', async () => {
  const texts = Array.from({ length: 12 }, (_, n) =>
    n % 3 === 0 ? `small ${n}` : Array.from({ length: 30_000 }, (_, i) => (i * (n + 7)) % 99_991).join(' '),
  );
  const { messages } = await dialled((connection) => {
    for (const text of texts) connection.send(text);
    connection.close();
  }, 1 << 20);
  assert.ok(texts.some((text) => text.length > 2 * 65_536));
  assert.equal(messages.length, texts.length);
  for (const [n, { text }] of messages.entries()) assert.ok(text === texts[n], `message ${n}`);
});

test('what comes in one piece with the answer to the handshake is not lost', async () => {
  const frames = Buffer.from('\x81\x03one\x81\x03two\x88\x02\x03\xe8', 'latin1');
  const server = createServer((socket) => {
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (.*)\r/i.exec(request.toString())?.[1];
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
      socket.end(Buffer.concat([Buffer.from(answer), frames]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const texts: string[] = [];
  const code = await new Promise((resolve) => {
    nodeDialer(1000, { now: () => 1 }, Buffer.alloc(65_536)).dial(`ws://127.0.0.1:${port}`, {
      opened: () => undefined,
      messages: (bytes, spans, count) => texts.push(...payloads(bytes, spans, count).map(String)),
      closed: resolve,
    });
  });
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual([texts, code], [['one', 'two'], 1000]);
});

test('connections that share the memory of their reads, shared with other threads, do not mix what they read', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  const texts = (who: string): string[] =>
    Array.from(
      { length: 300 },
      (_, n) => `${who} ${n} ${who.repeat((n * 7919) % 1500 ** (1 + (n % 2) / 2))}`,
    );
  server.on('connection', (connection, { url = '' }) => {
    for (const text of texts(url)) connection.send(text);
    connection.close(1000);
  });
  const { port } = server.address() as AddressInfo;
  const memory = Buffer.from(new SharedArrayBuffer(5000), 1000, 3000);
  const dialer = nodeDialer(1 << 20, { now: () => 1 }, memory);
  let inPlace = 0;
  const heard = await Promise.all(
    ['/a', '/b', '/c'].map(
      (url) =>
        new Promise<readonly string[]>((resolve) => {
          const found: string[] = [];
          dialer.dial(`ws://127.0.0.1:${port}${url}`, {
            opened: () => undefined,
            messages: (bytes, spans, count) => {
              if (bytes.buffer === memory.buffer) inPlace += count;
              for (const payload of payloads(bytes, spans, count)) found.push(payload.toString());
            },
            closed: () => resolve(found),
          });
        }),
    ),
  );
  assert.deepEqual(heard, ['/a', '/b', '/c'].map(texts));
  assert.ok(inPlace > 100, `${inPlace} messages were taken where they were read`);
  await new Promise((resolve) => server.close(resolve));
});
