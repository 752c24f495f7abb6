// Read receipts that a sender asks for, message by message.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let cid;
beforeEach(async () => {
  [ana, bob, cid] = await Promise.all(['ana', 'bob', 'cid'].map((name) => Client.login(server, fresh(name))));
});

/** Waits for the receipt of one message. */
async function receipt(client, messageID, predicate = () => true) {
  const data = await client.waitFor('MESSAGE_READ_RECEIPT_RECEIVED', (list) => list.some((one) => one.messageID === messageID && predicate(one)));
  return data.find((one) => one.messageID === messageID && predicate(one));
}

test('in a group: counts and names of readers', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, memberList: [{ userID: bob.userID }, { userID: cid.userID }] });
  const sent = await ana.say(groupID, 'read this', { needReadReceipt: true });
  const [byBob, byCid] = [await bob.text('read this'), await cid.text('read this')];
  assert.equal(byBob.needReadReceipt, true);

  await bob.chat.sendMessageReadReceipt([byBob]);
  const first = await receipt(ana, sent.ID, ({ readCount }) => readCount === 1);
  assert.equal(first.unreadCount, 1);

  const { data } = await ana.chat.getMessageReadReceiptList([sent]);
  assert.equal(data.messageList[0].readReceiptInfo.readCount, 1);
  assert.equal(data.messageList[0].readReceiptInfo.unreadCount, 1);
  const readers = await ana.chat.getGroupMessageReadMemberList({ message: sent, filter: 0, cursor: '', count: 10 });
  assert.deepEqual(readers.data.readUserIDList, [bob.userID]);
  assert.equal(readers.data.isCompleted, true);
  const others = await ana.chat.getGroupMessageReadMemberList({ message: sent, filter: 1, cursor: '', count: 10 });
  assert.deepEqual(others.data.unreadUserIDList, [cid.userID]);

  await cid.chat.sendMessageReadReceipt([byCid]);
  const second = await receipt(ana, sent.ID, ({ readCount }) => readCount === 2);
  assert.equal(second.unreadCount, 0);
});

test('in a group: reading by position sends no receipts', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, memberList: [{ userID: bob.userID }] });
  const sent = await ana.say(groupID, 'read this', { needReadReceipt: true });
  await bob.text('read this');
  await bob.chat.setMessageRead({ conversationID: `GROUP${groupID}` });
  const { data } = await ana.chat.getMessageReadReceiptList([sent]);
  assert.equal(data.messageList[0].readReceiptInfo.readCount, 0);
});

test('one-to-one: the sender is told', async () => {
  const sent = await ana.whisper(bob.userID, 'read this', { needReadReceipt: true });
  const received = await bob.text('read this');
  assert.equal(received.needReadReceipt, true);
  await bob.chat.sendMessageReadReceipt([received]);
  const told = await receipt(ana, sent.ID);
  assert.equal(told.isPeerRead, true);
});
