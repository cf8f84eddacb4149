import { generateKeyPairSync, sign } from 'node:crypto';

/*
 * A certificate for tests that need TLS: made when asked for, so that none can expire, and no key is kept anywhere.
 * X.509 (RFC 5280) in DER: a tag, a length and the content of each part.
 */

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
/** The version, and the extensions, of a certificate. */
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** A DNS name among the names a certificate is for. */
const DNS_NAME = 0x82;

const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('550403', 'hex');
const SUBJECT_ALTERNATIVE_NAME = Buffer.from('551d11', 'hex');

const DAY_MS = 86_400_000;

function part(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

function utcTime(ms: number): Buffer {
  return part(UTC_TIME, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

/** A key and a certificate of its own for a host name, good from yesterday to tomorrow; both PEM. */
export function selfSigned(host: string): { readonly key: string; readonly cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = part(SEQUENCE, part(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));
  const commonName = part(
    SEQUENCE,
    part(OBJECT_IDENTIFIER, COMMON_NAME),
    part(UTF8_STRING, Buffer.from(host)),
  );
  const name = part(SEQUENCE, part(SET, commonName));
  const now = Date.now();
  const content = part(
    SEQUENCE,
    part(VERSION, part(INTEGER, Buffer.of(2))),
    part(INTEGER, Buffer.of(1)),
    algorithm,
    name,
    part(SEQUENCE, utcTime(now - DAY_MS), utcTime(now + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    part(
      EXTENSIONS,
      part(
        SEQUENCE,
        part(
          SEQUENCE,
          part(OBJECT_IDENTIFIER, SUBJECT_ALTERNATIVE_NAME),
          part(OCTET_STRING, part(SEQUENCE, part(DNS_NAME, Buffer.from(host)))),
        ),
      ),
    ),
  );
  const signature = part(BIT_STRING, Buffer.of(0), sign('sha256', content, privateKey));
  const base64 = part(SEQUENCE, content, algorithm, signature).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}
