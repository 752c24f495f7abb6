// A server of our own per suite: started on a free port with an empty data folder, and stopped, killed or
// restarted on the same port and data while clients hold connections to it.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import tickets from 'tls-sig-api-v2';

import { Rest } from './rest.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
// A suite that is cut short takes its server with it.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => process.exit(1));
}

const START_LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 90_000;

/** `TSUDOI_BIN`, else the release build, else the debug build. */
export function serverBinary() {
  const candidates = process.env.TSUDOI_BIN
    ? [process.env.TSUDOI_BIN]
    : ['target/release/tsudoi', 'target/debug/tsudoi'].map((file) => path.join(REPOSITORY, file));
  const found = candidates.find((file) => existsSync(file));
  if (!found) {
    throw new Error(`no server binary: looked for ${candidates.join(' and ')}; build it or set TSUDOI_BIN`);
  }
  return found;
}

/** One server process with its own app, key and data folder. */
export class Server {
  /** Starts a server that is ready for sends. `env` adds to or overrides its environment. */
  static async start(env = {}) {
    const server = new Server(env);
    server.port = await freePort();
    await server.launch();
    return server;
  }

  constructor(env) {
    this.env = env;
    this.appId = 1400000001;
    this.key = '0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0';
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'tsudoi-compat-'));
    this.logFile = path.join(this.folder, 'server.log');
    this.clients = new Set();
    this.rest = new Rest(this);
  }

  get address() {
    return `127.0.0.1:${this.port}`;
  }

  /** What an application gives to the SDK as `proxyServer`. */
  get socketUrl() {
    return `ws://${this.address}`;
  }

  /** Starts the process on the port and data of this server, and waits until `/readyz` answers 200. */
  async launch() {
    const log = openSync(this.logFile, 'a');
    this.process = spawn(serverBinary(), ['serve'], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        TSUDOI_LISTEN: this.address,
        TSUDOI_DATA_DIR: path.join(this.folder, 'data'),
        TSUDOI_APP_ID: String(this.appId),
        TSUDOI_APP_KEY: this.key,
        ...this.env,
      },
    });
    closeSync(log);
    const child = this.process;
    running.add(child);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
    });
    await this.ready();
  }

  async ready() {
    const deadline = Date.now() + START_LIMIT_MS;
    for (;;) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`the server ended while starting:\n${this.logTail()}`);
      }
      const answer = await fetch(`http://${this.address}/readyz`).catch(() => null);
      if (answer?.status === 200) {
        return;
      }
      if (Date.now() > deadline) {
        throw new Error(`/readyz not 200 within ${START_LIMIT_MS} ms:\n${this.logTail()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** Asks the server to stop (SIGTERM), waits for it, and tells how it ended. */
  async terminate() {
    return this.end('SIGTERM');
  }

  /** Ends the server without warning (SIGKILL). */
  async kill() {
    return this.end('SIGKILL');
  }

  async end(signal) {
    this.process.kill(signal);
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        this.process.kill('SIGKILL');
        reject(new Error(`the server did not end within ${STOP_LIMIT_MS} ms of ${signal}:\n${this.logTail()}`));
      }, STOP_LIMIT_MS);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A ticket as an application's backend computes it, with the vendor's published generator, `ageSeconds` ago. */
  ticket(userID, lifeSeconds = 86_400, ageSeconds = 0) {
    // The generator reads the clock itself.
    const { now } = Date;
    Date.now = () => now() - ageSeconds * 1_000;
    try {
      return new tickets.Api(this.appId, this.key).genSig(userID, lifeSeconds);
    } finally {
      Date.now = now;
    }
  }

  closeClients() {
    for (const client of this.clients) {
      client.close();
    }
  }

  /** Closes every client, stops the server and removes its data. */
  async close() {
    this.closeClients();
    if (this.process.exitCode === null && this.process.signalCode === null) {
      await this.end('SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The last lines of the server's log, for failure messages. */
  logTail(lines = 40) {
    return readFileSync(this.logFile, 'utf8').split('\n').slice(-lines).join('\n');
  }
}

let ports = process.pid * 613;

/**
 * A port that nobody holds. It lies below those that the system gives to outgoing connections: a client that looks for the server
 * while it is away could take it.
 */
async function freePort() {
  for (;;) {
    ports += 1;
    const port = 30_000 + (ports % 2_700);
    const probe = net.createServer();
    const isFree = await new Promise((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) {
      await new Promise((resolve) => probe.close(resolve));
      return port;
    }
  }
}
