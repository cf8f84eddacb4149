import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { nodeDialer, nodeHttp } from './net.ts';
import { payloads } from './payloads.ts';
import { selfSigned } from './self-signed.ts';

/** A TLS server for `localhost`, trusted or not, that does `serve` with each WebSocket connection. */
async function secured<T>(
  isTrusted: boolean,
  serve: (connection: WebSocket, servername: unknown) => void,
  act: (port: number) => Promise<T>,
): Promise<T> {
  const { key, cert } = selfSigned('localhost');
  const trusted = getCACertificates('default');
  if (isTrusted) setDefaultCACertificates([...trusted, cert]);
  const server = createServer({ key, cert }, ({ socket }, response) =>
    response.end(JSON.stringify({ asked: (socket as TLSSocket).servername })),
  );
  new WebSocketServer({ server }).on('connection', (connection, { socket }) =>
    serve(connection, (socket as TLSSocket).servername),
  );
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  try {
    return await act((server.address() as AddressInfo).port);
  } finally {
    setDefaultCACertificates(trusted);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

interface Session {
  readonly opened: boolean;
  readonly texts: string[];
  readonly code: number;
  readonly error: string | null;
  readonly bytes: number;
}

function session(port: number): Promise<Session> {
  return new Promise((resolve) => {
    const texts: string[] = [];
    let opened = false;
    const socket = nodeDialer(1 << 20, { now: () => 1 }, Buffer.alloc(65_536)).dial(
      `wss://localhost:${port}/stream`,
      {
        opened: () => {
          opened = true;
        },
        messages: (bytes, spans, count) => texts.push(...payloads(bytes, spans, count).map(String)),
        closed: (code, _reason, error) =>
          resolve({ opened, texts, code, error: error?.message ?? null, bytes: socket.bytesReceived }),
      },
    );
  });
}

test('over TLS, messages come whole and in order: small, larger than a read or a TLS record, in fragments', async () => {
  const sent = Array.from({ length: 400 }, (_, n) =>
    Array.from({ length: n % 50 === 7 ? 25_000 : n % 90 }, (_, i) => (i * (n + 3)) % 9973).join(' '),
  );
  let asked: unknown = null;
  const { opened, texts, code, error, bytes } = await secured(
    true,
    (connection, servername) => {
      asked = servername;
      for (const [n, text] of sent.entries()) {
        const half = text.length >> 1;
        if (n % 20 === 3) connection.send(text.slice(0, half), { fin: false });
        connection.send(n % 20 === 3 ? text.slice(half) : text);
      }
      connection.ping('there?');
      connection.once('pong', () => connection.close(1001, 'bye'));
    },
    session,
  );
  assert.deepEqual([opened, code, error, asked], [true, 1001, null, 'localhost']);
  assert.equal(texts.length, sent.length);
  for (const [n, text] of texts.entries()) assert.ok(text === sent[n], `message ${n}`);
  assert.ok(bytes > texts.join('').length, `${bytes} bytes were read`);
});

test('a server whose certificate nobody vouches for gets no connection, and REST says why', async () => {
  const [{ opened, texts, error }, answer] = await secured(
    false,
    (connection) => {
      connection.send('secret');
      connection.close();
    },
    async (port) => [await session(port), await nodeHttp.get(`https://localhost:${port}/`)] as const,
  );
  assert.deepEqual([opened, texts], [false, []]);
  assert.match(error ?? '', /self[- ]signed/i);
  assert.equal(answer.status, 0);
  assert.match(answer.body, /self[- ]signed/i);
});

test('a trusted server answers REST over TLS', async () => {
  const answer = await secured(
    true,
    () => undefined,
    (port) => nodeHttp.get(`https://localhost:${port}/`),
  );
  assert.deepEqual([answer.status, answer.body], [200, '{"asked":"localhost"}']);
});
