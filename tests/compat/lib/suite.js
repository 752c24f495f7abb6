// What every suite file begins with: its own server, and tabs that close after each check.

import { after, afterEach, before } from 'node:test';

import { SDK_FILE } from './sdk.js';
import { Server } from './server.js';

// Inside the SDK, calls of its own fail without anybody listening: a line in a browser's console, the end of a Node process.
// What is named here is no fault of the server: 2996 is the SDK's own limit on how often it asks.
const tolerated = new Set([2996]);

/** Lets calls that the SDK makes by itself fail with `code` in this suite. */
export function tolerate(code) {
  tolerated.add(code);
}

function watchRejections() {
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (reason, promise) => {
    if (!(tolerated.has(reason?.code) && String(reason.stack).includes(SDK_FILE))) {
      others.forEach((listener) => listener.call(process, reason, promise));
    }
  });
}

/** Starts the server of one suite file. When the file fails, the end of the server's log is printed. */
export async function startSuite(env = {}) {
  const server = await Server.start(env);
  let log = '';
  before(watchRejections);
  afterEach(() => server.closeClients());
  after(async () => {
    log = server.logTail();
    await server.close();
  });
  process.once('exit', (code) => {
    if (code !== 0) {
      process.stderr.write(`--- end of the server's log ---\n${log}\n`);
    }
  });
  return server;
}
