// Messages edited after they were sent.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { text } from '../lib/rest.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
});

async function edit(client, message, content, cloudCustomData = '') {
  const edited = message;
  edited.payload.text = content;
  edited.cloudCustomData = cloudCustomData;
  const { data } = await client.chat.modifyMessage(edited);
  return data.message;
}

async function readBack(userID, conversationID) {
  const later = await Client.login(server, userID);
  const { data } = await later.chat.getMessageList({ conversationID });
  return data.messageList.filter((message) => message.type === later.TYPES.MSG_TEXT)
    .map((message) => [message.ID, message.payload.text, message.cloudCustomData, message.isModified]);
}

test('in a group: everybody sees the new text, now and later', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = await ana.say(groupID, 'helo');
  await bob.text('helo');
  const edited = await edit(ana, sent, 'hello', 'edited=1');
  assert.equal(edited.payload.text, 'hello');
  const modified = await bob.waitFor('MESSAGE_MODIFIED');
  assert.deepEqual(modified.map((message) => [message.ID, message.payload.text, message.cloudCustomData]), [[sent.ID, 'hello', 'edited=1']]);
  assert.equal(modified[0].isModified, true);
  for (const userID of [ana.userID, bob.userID]) {
    assert.deepEqual(await readBack(userID, `GROUP${groupID}`), [[sent.ID, 'hello', 'edited=1', true]]);
  }
});

test('in a group: a member may add custom data to the message of another', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = await ana.say(groupID, 'vote here');
  const received = await bob.text('vote here');
  await edit(bob, received, 'vote here', 'votes=1');
  const modified = await ana.waitFor('MESSAGE_MODIFIED');
  assert.deepEqual(modified.map((message) => [message.ID, message.cloudCustomData]), [[sent.ID, 'votes=1']]);
});

test('one-to-one: the other side sees the new text, now and later', async () => {
  const sent = await ana.whisper(bob.userID, 'helo');
  await bob.text('helo');
  await edit(ana, sent, 'hello', 'edited=1');
  const modified = await bob.waitFor('MESSAGE_MODIFIED');
  assert.deepEqual(modified.map((message) => [message.ID, message.payload.text]), [[sent.ID, 'hello']]);
  assert.deepEqual(await readBack(bob.userID, `C2C${ana.userID}`), [[sent.ID, 'hello', 'edited=1', true]]);
});

// What the SDK makes of the server's 20027.
const CONFLICT = 2480;

test('of two edits of one version the second is refused and carries the current text', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = await ana.say(groupID, 'original');
  const received = await bob.text('original');
  bob.tab.offline();
  await edit(ana, sent, 'by ana');
  bob.tab.online();
  const outcome = await edit(bob, received, 'by bob').then(() => null, (error) => error);
  assert.equal(outcome?.code, CONFLICT);
  assert.equal(outcome.data.message.payload.text, 'by ana');
});

test('an edit over REST reaches everybody', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = await ana.say(groupID, 'helo');
  await bob.text('helo');
  await server.rest.ok('openim/modify_group_msg', { GroupId: groupID, MsgSeq: sent.sequence, MsgBody: text('hello from the backend') });
  for (const client of [ana, bob]) {
    const modified = await client.waitFor('MESSAGE_MODIFIED');
    assert.deepEqual(modified.map((message) => [message.ID, message.payload.text]), [[sent.ID, 'hello from the backend']]);
  }
});
