// What every suite file begins with: its own server, and tabs that close after each check.

import { after, afterEach } from 'node:test';

import { Server } from './server.js';

/** Starts the server of one suite file. When the file fails, the end of the server's log is printed. */
export async function startSuite(env = {}) {
  const server = await Server.start(env);
  let log = '';
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
