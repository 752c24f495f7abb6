// One user in one tab: logs in, records every event of the SDK, and lets a check wait for what it expects.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import { Tab } from './sdk.js';

// Enough for the slowest of machines; the SDK itself waits 15 s for an answer, and up to a minute until it connects again.
const PATIENCE_MS = 90_000;

let users = 0;

/** A user id that no other check of this process uses. */
export function fresh(name) {
  users += 1;
  return `${name}-${users}`;
}

export class Client {
  /** Opens a tab and logs `userID` in; resolves when the SDK is ready and its conversation list is complete. */
  static async login(server, userID, options = {}) {
    const client = new Client(server, userID, options);
    await client.login();
    return client;
  }

  /** Opens a tab without logging in. `options` go to the SDK's `create`. */
  constructor(server, userID, options = {}) {
    this.server = server;
    this.userID = userID;
    this.tab = new Tab();
    this.tab.name = userID;
    const { TencentCloudChat } = this.tab;
    this.EVENT = TencentCloudChat.EVENT;
    this.TYPES = TencentCloudChat.TYPES;
    this.TSignaling = TencentCloudChat.TSignaling;
    this.chat = TencentCloudChat.create({ SDKAppID: server.appId, proxyServer: server.socketUrl, ...options });
    this.chat.setLogLevel(1);
    this.events = [];
    this.waiting = new Set();
    for (const [name, value] of Object.entries(this.EVENT)) {
      this.chat.on(value, (event) => this.arrived(name, event?.data));
    }
    server.clients.add(this);
  }

  async login(ticket = this.server.ticket(this.userID)) {
    const since = this.mark();
    const answer = await this.chat.login({ userID: this.userID, userSig: ticket });
    await this.waitFor('SDK_READY', () => true, { since });
    await this.until('the conversation list is complete', async () => {
      const { data } = await this.chat.getConversationList();
      return data.isSyncCompleted;
    });
    return answer;
  }

  arrived(name, data) {
    this.events.push({ name, data, at: Date.now() });
    for (const check of this.waiting) {
      check();
    }
  }

  /** A position in the record of events, for `since`. */
  mark() {
    return this.events.length;
  }

  /** The data of all events of one name. */
  all(name, since = 0) {
    return this.events.slice(since).filter((event) => event.name === name).map((event) => event.data);
  }

  /** Waits for an event whose data satisfies `predicate`, also among those recorded since `since`; gives its data. */
  async waitFor(name, predicate = () => true, { since = 0, patience = PATIENCE_MS } = {}) {
    assert.ok(name in this.EVENT, `the SDK has an event ${name}`);
    return this.search(
      `event ${name} matching ${predicate}`,
      () => this.all(name, since).filter((data) => predicate(data)),
      patience,
      () => this.all(name, since),
    );
  }

  /** Every message raised by MESSAGE_RECEIVED, in order. */
  messages(since = 0) {
    return this.all('MESSAGE_RECEIVED', since).flat();
  }

  /** Waits for a received message that satisfies `predicate`, also among those already received. */
  async message(predicate, { since = 0, patience = PATIENCE_MS } = {}) {
    return this.search(
      `message matching ${predicate}`,
      () => this.messages(since).filter((message) => predicate(message)),
      patience,
      () => this.messages(since).map((message) => ({
        from: message.from, to: message.to, type: message.type, payload: message.payload,
      })),
    );
  }

  /** Waits for the text message `text`. */
  async text(text, options) {
    return this.message((message) => message.payload?.text === text, options);
  }

  /** Waits for a tip of `operationType` in a group. */
  async tip(groupID, operationType, predicate = () => true, options) {
    return this.message(
      (message) => message.type === this.TYPES.MSG_GRP_TIP && message.to === groupID
        && message.payload.operationType === operationType && predicate(message.payload, message),
      options,
    );
  }

  /** Waits for a system notice of `operationType` about a group. */
  async notice(groupID, operationType, predicate = () => true, options) {
    return this.message(
      (message) => message.type === this.TYPES.MSG_GRP_SYS_NOTICE
        && message.payload.operationType === operationType
        && message.payload.groupProfile?.groupID === groupID && predicate(message.payload, message),
      options,
    );
  }

  /** Waits until the SDK lists the group; calls about a group that the SDK does not know yet are not sent. */
  async knows(groupID) {
    return this.waitFor('GROUP_LIST_UPDATED', (groups) => groups.some((group) => group.groupID === groupID));
  }

  /** How often the text message `text` was received. */
  count(text) {
    return this.messages().filter((message) => message.payload?.text === text).length;
  }

  /** Waits until `condition` (may be asynchronous) holds; asks again after each event and every 200 ms. */
  async until(what, condition, patience = PATIENCE_MS) {
    const deadline = Date.now() + patience;
    for (;;) {
      const value = await unlessTooOften(condition);
      if (value) {
        return value;
      }
      if (Date.now() > deadline) {
        throw new assert.AssertionError({ message: `${this.userID} waited ${patience} ms until ${what}` });
      }
      await new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          this.waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, 200);
        this.waiting.add(done);
      });
    }
  }

  search(what, find, patience, seen) {
    const found = find();
    if (found.length > 0) {
      return Promise.resolve(found[0]);
    }
    const { stack } = new Error('waited from');
    return new Promise((resolve, reject) => {
      const check = () => {
        const late = find();
        if (late.length > 0) {
          clearTimeout(timer);
          this.waiting.delete(check);
          resolve(late[0]);
        }
      };
      const timer = setTimeout(() => {
        this.waiting.delete(check);
        const error = new assert.AssertionError({
          message: `${this.userID} waited ${patience} ms for ${what}; seen: ${inspect(seen(), { depth: 4 })}`,
        });
        error.stack = `${error.message}\n${stack}`;
        reject(error);
      }, patience);
      this.waiting.add(check);
    });
  }

  /** Sends a text to a group and gives the sent message. */
  async say(groupID, content, options = {}) {
    return this.send(this.chat.createTextMessage({
      to: groupID, conversationType: this.TYPES.CONV_GROUP, payload: { text: content }, ...options,
    }));
  }

  /** Sends a text to a user and gives the sent message. */
  async whisper(userID, content, options = {}) {
    return this.send(this.chat.createTextMessage({
      to: userID, conversationType: this.TYPES.CONV_C2C, payload: { text: content }, ...options,
    }));
  }

  async send(message, options) {
    const { data } = await this.chat.sendMessage(message, options);
    return data.message;
  }

  /** Creates a group and gives its profile. */
  async create(options) {
    const { data } = await this.chat.createGroup({ name: 'A group', ...options });
    return data.group;
  }

  /**
   * Waits until every request is answered and the connection is old enough for the SDK to reconnect by itself when it breaks:
   * docs/spec/websocket-protocol.md#20-reconnect-and-resync-v.
   */
  async settled() {
    await this.until('its requests are answered and its connection is older than a second', () => this.tab.isSettled());
  }

  /** Makes the SDK send a request, which also wakes it when it is disconnected; the outcome does not matter. */
  poke() {
    this.chat.getUserProfile({ userIDList: [fresh('nobody')] }).catch(() => {});
  }

  /** The conversation as the SDK's list shows it, or undefined. */
  async conversation(conversationID) {
    const { data } = await this.chat.getConversationList();
    return data.conversationList.find((conversation) => conversation.conversationID === conversationID);
  }

  close() {
    this.tab.close();
    this.server.clients.delete(this);
  }
}

// The SDK itself refuses calls that come too often.
const TOO_OFTEN = 2996;

async function unlessTooOften(condition) {
  try {
    return await condition();
  } catch (error) {
    if (error.code === TOO_OFTEN) {
      return false;
    }
    throw error;
  }
}

/** Expects a call of the SDK to be refused with `code`; gives the error. */
export async function refused(code, call) {
  const outcome = await call.then((value) => ({ value }), (error) => ({ error }));
  assert.ok(outcome.error, `expected refusal with ${code}, got success: ${inspect(outcome.value)}`);
  assert.equal(outcome.error.code, code, `expected refusal with ${code}, got ${outcome.error.code}: ${outcome.error.message}`);
  return outcome.error;
}
