// One-to-one conversations: read by time, recall, history in pages.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
});

/** All pages of a conversation, oldest message first, and the sizes of the pages. */
async function history(client, conversationID) {
  const pages = [];
  let messages = [];
  let nextReqMessageID;
  for (;;) {
    const { data } = await client.chat.getMessageList({ conversationID, nextReqMessageID });
    pages.push(data.messageList.length);
    messages = [...data.messageList, ...messages];
    ({ nextReqMessageID } = data);
    if (data.isCompleted) {
      return { messages, pages };
    }
    assert.ok(pages.length < 20, `paging ends; pages so far ${pages}`);
  }
}

test('the sender learns that its messages were read', async () => {
  await ana.whisper(bob.userID, 'one');
  const sent = await ana.whisper(bob.userID, 'two');
  await bob.text('two');
  assert.equal((await bob.conversation(`C2C${ana.userID}`)).unreadCount, 2);
  assert.equal(sent.isPeerRead, false);

  await bob.chat.setMessageRead({ conversationID: `C2C${ana.userID}` });
  const read = await ana.waitFor('MESSAGE_READ_BY_PEER', (messages) => messages.some((message) => message.ID === sent.ID));
  assert.ok(read.every((message) => message.isPeerRead));
  assert.equal((await bob.conversation(`C2C${ana.userID}`)).unreadCount, 0);

  const later = await Client.login(server, ana.userID);
  const { data } = await later.chat.getMessageList({ conversationID: `C2C${bob.userID}` });
  assert.deepEqual(data.messageList.map((message) => [message.payload.text, message.isPeerRead]), [['one', true], ['two', true]]);
});

test('reading survives a new login of the reader', async () => {
  await ana.whisper(bob.userID, 'read this');
  await bob.text('read this');
  await bob.chat.setMessageRead({ conversationID: `C2C${ana.userID}` });
  await ana.waitFor('MESSAGE_READ_BY_PEER');
  const later = await Client.login(server, bob.userID);
  assert.equal((await later.conversation(`C2C${ana.userID}`)).unreadCount, 0);
});

test('messages that nobody read are counted at the next login', async () => {
  await bob.chat.logout();
  for (const content of ['one', 'two', 'three']) {
    await ana.whisper(bob.userID, content);
  }
  const later = await Client.login(server, bob.userID);
  const conversation = await later.until('the unread count is there', async () => {
    const found = await later.conversation(`C2C${ana.userID}`);
    return found?.unreadCount === 3 && found;
  });
  assert.equal(conversation.lastMessage.payload.text, 'three');
  assert.equal(later.chat.getTotalUnreadMessageCount(), 3);
});

test('a recall reaches the other side, online and later', async () => {
  const kept = await ana.whisper(bob.userID, 'kept');
  const sent = await ana.whisper(bob.userID, 'a slip');
  await bob.text('a slip');
  const { data } = await ana.chat.revokeMessage(sent);
  assert.equal(data.message.isRevoked, true);

  const revoked = await bob.waitFor('MESSAGE_REVOKED');
  assert.deepEqual(revoked.map((message) => message.ID), [sent.ID]);
  assert.equal(revoked[0].isRevoked, true);
  assert.equal(revoked[0].revoker, ana.userID);

  for (const userID of [ana.userID, bob.userID]) {
    const later = await Client.login(server, userID);
    const peer = userID === ana.userID ? bob.userID : ana.userID;
    const { messages } = await history(later, `C2C${peer}`);
    assert.deepEqual(messages.map((message) => [message.ID, message.isRevoked]), [[kept.ID, false], [sent.ID, true]]);
    const conversation = await later.conversation(`C2C${peer}`);
    assert.equal(conversation.lastMessage.isRevoked, true);
  }
});

test('a recall over REST reaches both sides', async () => {
  const sent = await ana.whisper(bob.userID, 'a slip');
  await bob.text('a slip');
  const MsgKey = ana.tab.received('openim.sendmsg').at(-1).body.MsgKey;
  await server.rest.ok('openim/admin_msgwithdraw', { From_Account: ana.userID, To_Account: bob.userID, MsgKey });
  for (const client of [ana, bob]) {
    const revoked = await client.waitFor('MESSAGE_REVOKED');
    assert.deepEqual(revoked.map((message) => message.ID), [sent.ID]);
  }
});

test('history comes in pages, complete and in order, on both sides', async () => {
  const sent = [];
  for (let n = 0; n < 40; n += 1) {
    const [from, to] = n % 3 === 0 ? [bob, ana] : [ana, bob];
    sent.push(await from.whisper(to.userID, `message ${n}`));
  }
  for (const [userID, peer] of [[ana.userID, bob.userID], [bob.userID, ana.userID]]) {
    const later = await Client.login(server, userID);
    const { messages, pages } = await history(later, `C2C${peer}`);
    // Each was sent after the one before was answered: docs/spec/rest-common.md#66-identity-order-duplicates.
    assert.deepEqual(messages.map((message) => message.ID), sent.map((message) => message.ID));
    assert.deepEqual(messages.map((message) => message.payload.text), sent.map((message) => message.payload.text));
    assert.ok(pages.length >= 2, `several pages: ${pages}`);
    for (const message of messages) {
      assert.equal(message.flow, message.from === userID ? 'out' : 'in');
    }
  }
});

test('an empty conversation has one empty, final page', async () => {
  const { data } = await ana.chat.getMessageList({ conversationID: `C2C${bob.userID}` });
  assert.deepEqual(data.messageList, []);
  assert.equal(data.isCompleted, true);
});

test('a user reads only conversations of its own', async () => {
  const eve = await Client.login(server, fresh('eve'));
  await ana.whisper(bob.userID, 'between us');
  for (const peer of [ana.userID, bob.userID]) {
    const { data } = await eve.chat.getMessageList({ conversationID: `C2C${peer}` });
    assert.deepEqual(data.messageList, []);
  }
});
