import { parentPort, workerData } from 'node:worker_threads';
import type { RecorderSetup, ToRecorder } from './messages.ts';
import { Recorder } from './recorder.ts';

/** The recorder's thread: messages in, messages out, nothing else. */
const port = parentPort;
if (port === null) throw new Error('worker.ts runs only as a worker thread');

const recorder = new Recorder(workerData as RecorderSetup, (message, transfer) =>
  port.postMessage(message, transfer ?? []),
);

port.on('message', (message: ToRecorder) => {
  switch (message.kind) {
    case 'chunk':
      recorder.take(message.chunk);
      break;
    case 'stop':
      recorder.stop(message.received, message.finishMs);
      break;
  }
});

recorder
  .start()
  .catch((error: Error) => port.postMessage({ kind: 'failed', error: error.stack ?? error.message }));
