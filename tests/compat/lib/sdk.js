// Loads the vendor's unmodified SDK file the way a browser tab does: every tab evaluates the file afresh (the SDK keeps
// one instance per app and module), has its own sockets and timers, and everything ends when the tab is closed.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { gunzipSync, inflateSync } from 'node:zlib';

import WebSocket from 'ws';

const require = createRequire(import.meta.url);
const PACKAGES = { '3.6.6': '@tencentcloud/chat', '3.5.9': 'chat-3.5.9', '3.4.5': 'chat-3.4.5' };
const KEPT_FRAMES = 5_000;
const KEPT_LOG_LINES = 500;
const SETTLED_MS = 1_200;
const UNANSWERED = new Set(['openim.ws_msg_push_ack']);
const NOWHERE = 'ws://127.0.0.1:1';

/** The version under judgement, from the environment. */
export const SDK_VERSION = process.env.SDK_VERSION ?? '3.6.6';

/** The file of the SDK that is under judgement. */
export const SDK_FILE = require.resolve(packageName());

function packageName() {
  const name = PACKAGES[SDK_VERSION];
  if (!name) {
    throw new Error(`SDK_VERSION ${SDK_VERSION} is not one of ${Object.keys(PACKAGES).join(', ')}`);
  }
  return name;
}

let source;

export class Tab {
  constructor() {
    this.frames = [];
    this.log = [];
    this.sockets = new Set();
    this.timers = new Set();
    this.connections = 0;
    this.isOffline = false;
    this.isClosed = false;
    source ??= readFileSync(SDK_FILE, 'utf8');
    const globals = this.globals();
    const module = { exports: {} };
    vm.compileFunction(source, ['module', 'exports', ...Object.keys(globals)], { filename: SDK_FILE })(
      module,
      module.exports,
      ...Object.values(globals),
    );
    this.TencentCloudChat = module.exports.default ?? module.exports;
  }

  /** What the file finds in place of Node's own globals. */
  globals() {
    const tab = this;
    class TabSocket extends WebSocket {
      constructor(url) {
        super(tab.isOffline ? NOWHERE : url);
        tab.connections += 1;
        tab.connectedAt = Date.now();
        tab.sockets.add(this);
        this.on('error', () => {});
        this.on('close', () => tab.sockets.delete(this));
        this.on('message', (data, isBinary) => tab.record('<', data, isBinary));
      }

      send(data, ...rest) {
        tab.record('>', data, typeof data !== 'string');
        super.send(data, ...rest);
      }
    }
    const timer = (set) => (work, ms, ...rest) => {
      // The end of its sockets still wakes the SDK of a closed tab.
      if (tab.isClosed) {
        return undefined;
      }
      const id = set(work, ms, ...rest);
      tab.timers.add(id);
      return id;
    };
    const clear = (id) => {
      tab.timers.delete(id);
      clearTimeout(id);
    };
    const line = (...words) => {
      tab.log.push(words.map((word) => (typeof word === 'string' ? word : inspect(word))).join(' '));
      tab.log.splice(0, tab.log.length - KEPT_LOG_LINES);
    };
    return {
      WebSocket: TabSocket,
      setTimeout: timer(setTimeout),
      setInterval: timer(setInterval),
      clearTimeout: clear,
      clearInterval: clear,
      console: { log: line, info: line, warn: line, error: line, debug: line },
    };
  }

  record(direction, data, isBinary) {
    const entry = { at: Date.now(), direction, isBinary, ...decode(data) };
    if (process.env.COMPAT_TRACE) {
      console.log(entry.at, this.name ?? '', direction, JSON.stringify({ head: entry.head, body: entry.body }));
    }
    this.frames.push(entry);
    this.frames.splice(0, this.frames.length - KEPT_FRAMES);
  }

  /** The bodies of recorded frames of one command; `direction` is `>` for sent or `<` for received. */
  sent(command) {
    return this.frames.filter((frame) => frame.direction === '>' && frame.head?.servcmd === command);
  }

  received(command) {
    return this.frames.filter((frame) => frame.direction === '<' && frame.head?.servcmd === command);
  }

  /** Whether the connection is older than a second and nothing waits for an answer. */
  isSettled() {
    if (Date.now() - this.connectedAt < SETTLED_MS) {
      return false;
    }
    const answered = new Set(this.frames.filter((frame) => frame.direction === '<').map((frame) => frame.head?.seq));
    return this.frames.every((frame) => frame.direction === '<' || frame.at < this.connectedAt || answered.has(frame.head.seq)
      || UNANSWERED.has(frame.head.servcmd));
  }

  /** Breaks the network: open connections die and new ones fail until `online`. */
  offline() {
    this.isOffline = true;
    this.cut();
  }

  online() {
    this.isOffline = false;
  }

  /** Breaks the open connections only. */
  cut() {
    for (const socket of this.sockets) {
      socket.terminate();
    }
  }

  /** Breaks the open connections once what was sent has left, without reading another byte. */
  cutAfterFlush() {
    for (const socket of this.sockets) {
      socket.removeAllListeners('message');
      socket.onmessage = null;
      socket._socket.end();
    }
  }

  /** Ends the tab: no timer fires and no socket stays. */
  close() {
    this.isClosed = true;
    this.isOffline = true;
    for (const id of this.timers) {
      clearTimeout(id);
    }
    this.cut();
  }
}

function decode(data) {
  let bytes = Buffer.from(data);
  if (bytes.subarray(0, 4).toString('latin1') === 'COMP') {
    const packed = bytes.subarray(4);
    bytes = packed[0] === 0x1f ? gunzipSync(packed) : inflateSync(packed);
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return { unreadable: bytes.toString('latin1') };
  }
}
