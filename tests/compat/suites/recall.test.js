// Recall of group messages.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let groupID;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS }));
  await bob.chat.joinGroup({ groupID });
});

/** What a new login of `userID` reads: text and recall state of each spoken message. */
async function readBack(userID) {
  const later = await Client.login(server, userID);
  const { data } = await later.chat.getMessageList({ conversationID: `GROUP${groupID}` });
  const conversation = await later.conversation(`GROUP${groupID}`);
  later.close();
  return {
    messages: data.messageList.filter((message) => message.type === later.TYPES.MSG_TEXT).map((message) => [message.ID, message.isRevoked]),
    lastIsRevoked: conversation.lastMessage.isRevoked,
  };
}

test('a member recalls its own message', async () => {
  const kept = await bob.say(groupID, 'kept');
  const slip = await bob.say(groupID, 'a slip');
  await ana.text('a slip');
  const { data } = await bob.chat.revokeMessage(slip);
  assert.equal(data.message.isRevoked, true);
  const revoked = await ana.waitFor('MESSAGE_REVOKED');
  assert.deepEqual(revoked.map((message) => message.ID), [slip.ID]);
  assert.equal(revoked[0].isRevoked, true);
  assert.equal(revoked[0].revoker, bob.userID);
  for (const userID of [ana.userID, bob.userID]) {
    assert.deepEqual(await readBack(userID), { messages: [[kept.ID, false], [slip.ID, true]], lastIsRevoked: true });
  }
});

test('the owner recalls the message of a member', async () => {
  const rude = await bob.say(groupID, 'something rude');
  const received = await ana.text('something rude');
  await ana.chat.revokeMessage(received);
  const revoked = await bob.waitFor('MESSAGE_REVOKED');
  assert.deepEqual(revoked.map((message) => message.ID), [rude.ID]);
  assert.equal(revoked[0].revoker, ana.userID);
});

test('a member cannot recall the message of somebody else', async () => {
  const sent = await ana.say(groupID, 'the rules');
  const received = await bob.text('the rules');
  await assert.rejects(bob.chat.revokeMessage(received));
  await ana.say(groupID, 'after it');
  await bob.text('after it');
  assert.deepEqual(ana.all('MESSAGE_REVOKED'), []);
  assert.deepEqual((await readBack(bob.userID)).messages[0], [sent.ID, false]);
});

test('a recall over REST reaches everybody', async () => {
  const sent = await bob.say(groupID, 'a slip');
  await ana.text('a slip');
  const { RecallRetList } = await server.rest.ok('group_open_http_svc/group_msg_recall', {
    GroupId: groupID, MsgSeqList: [{ MsgSeq: sent.sequence }],
  });
  assert.deepEqual(RecallRetList, [{ MsgSeq: sent.sequence, RetCode: 0 }]);
  for (const client of [ana, bob]) {
    const revoked = await client.waitFor('MESSAGE_REVOKED');
    assert.deepEqual(revoked.map((message) => message.ID), [sent.ID]);
  }
});

test('a recall leaves the sequence numbers as they were', async () => {
  const slip = await bob.say(groupID, 'a slip');
  await bob.chat.revokeMessage(slip);
  const next = await bob.say(groupID, 'next');
  assert.equal(next.sequence, slip.sequence + 1);
});
