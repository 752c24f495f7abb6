// Pinned messages of a group.

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
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, memberList: [{ userID: bob.userID }] }));
  await bob.knows(groupID);
});

async function pinned(client) {
  const { data } = await client.chat.getPinnedGroupMessageList(groupID);
  return data.messageList.map((message) => message.ID);
}

test('a pinned message is told to everybody and listed, until it is unpinned', async () => {
  const first = await ana.say(groupID, 'the rules');
  const second = await bob.say(groupID, 'the plan');
  await ana.text('the plan');
  await ana.chat.pinGroupMessage({ groupID, message: first, isPinned: true });
  const told = await bob.waitFor('PINNED_GROUP_MESSAGE_UPDATED', (data) => data.groupID === groupID && data.isPinned);
  assert.equal(told.message?.ID ?? told.messageID, first.ID);
  assert.deepEqual(await pinned(bob), [first.ID]);

  await ana.chat.pinGroupMessage({ groupID, message: await ana.text('the plan'), isPinned: true });
  assert.deepEqual(new Set(await pinned(bob)), new Set([first.ID, second.ID]));

  await ana.chat.pinGroupMessage({ groupID, message: first, isPinned: false });
  await bob.waitFor('PINNED_GROUP_MESSAGE_UPDATED', (data) => data.groupID === groupID && !data.isPinned);
  assert.deepEqual(await pinned(bob), [second.ID]);
  const later = await Client.login(server, bob.userID);
  assert.deepEqual(await pinned(later), [second.ID]);
});

test('an ordinary member cannot pin', async () => {
  const sent = await bob.say(groupID, 'me first');
  await assert.rejects(bob.chat.pinGroupMessage({ groupID, message: sent, isPinned: true }));
  assert.deepEqual(await pinned(ana), []);
});
