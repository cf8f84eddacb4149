#!/usr/bin/env node
// Starts Feedtape on a Node that can run it: this one, or the checkout's own (the `node` dev dependency).
// Kept in plain old syntax, so that an older Node prints one clear line and no stack trace.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const source = here('../src/cli/index.ts');
const entry = existsSync(source) ? source : here('../dist/cli/index.js');
const own = here('../node_modules/node/bin/node');
const major = Number(process.versions.node.split('.')[0]);

if (major >= 24) {
  await import(new URL(`file://${entry}`).href);
} else if (existsSync(own)) {
  const child = spawn(own, [here('./feedtape.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Passed on, for whoever signals this process alone; a Ctrl-C reaches the child twice then, and counts once there.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code === null ? (signal === 'SIGINT' ? 130 : 143) : code));
} else {
  console.error(
    `feedtape needs Node 24 or newer, and this is ${process.versions.node}: install Node 24, or run "npm ci" in a checkout, which brings its own.`,
  );
  process.exit(2);
}
