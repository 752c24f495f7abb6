// Live rooms beyond joining and speaking: who is there, mute, ban, marks, one room at a time, quiet end.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { randomU32, text } from '../lib/rest.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let groupID;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM }));
  for (const client of [ana, bob]) {
    await enter(client);
  }
});

async function enter(client, id = groupID) {
  return client.chat.joinGroup({ groupID: id, type: client.TYPES.GRP_AVCHATROOM });
}

async function present(client) {
  const { data } = await client.chat.getGroupMemberList({ groupID });
  return new Set(data.memberList.map((member) => member.userID));
}

test('the list shows who is in the room', async () => {
  assert.deepEqual(await present(ana), new Set([ana.userID, bob.userID]));
  await bob.chat.quitGroup(groupID);
  assert.deepEqual(await present(ana), new Set([ana.userID]));
});

test('joining and leaving is told in the room', async () => {
  const cid = await Client.login(server, fresh('cid'));
  await enter(cid);
  await ana.tip(groupID, 1, ({ userIDList }) => userIDList.includes(cid.userID));
  await cid.chat.quitGroup(groupID);
  await ana.tip(groupID, 2, ({ userIDList }) => userIDList.includes(cid.userID));
});

test('joining again changes nothing', async () => {
  await enter(bob);
  await enter(ana);
  assert.deepEqual(await present(ana), new Set([ana.userID, bob.userID]));
  await ana.say(groupID, 'hello');
  await bob.text('hello');
  assert.equal(bob.count('hello'), 1);
});

test('a client is in one room at a time', async () => {
  const { groupID: other } = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM });
  await enter(bob, other);
  await ana.until('bob has left the first room', async () => !(await present(ana)).has(bob.userID));
});

test('with several rooms allowed a client hears all of them', async () => {
  const cid = await Client.login(server, fresh('cid'), { unlimitedAVChatRoom: true });
  const dan = await Client.login(server, fresh('dan'));
  const { groupID: other } = await dan.create({ type: dan.TYPES.GRP_AVCHATROOM });
  await enter(dan, other);
  await enter(cid);
  await enter(cid, other);
  await ana.say(groupID, 'in the first');
  await dan.say(other, 'in the second');
  await cid.text('in the first');
  await cid.text('in the second');
});

test('the owner mutes a viewer', async () => {
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 600 });
  await refused(10017, bob.say(groupID, 'me'));
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 0 });
  await bob.say(groupID, 'me');
  await ana.text('me');
});

test('a banned viewer is out and cannot come back', async () => {
  await ana.chat.deleteGroupMember({ groupID, userIDList: [bob.userID], duration: 600, reason: 'spam' });
  await bob.message((message) => message.type === bob.TYPES.MSG_GRP_SYS_NOTICE && message.payload.operationType === 21);
  await assert.rejects(enter(bob));
  assert.deepEqual(await present(ana), new Set([ana.userID]));
});

test('the announcement reaches everybody in the room', async () => {
  await ana.chat.updateGroupProfile({ groupID, notification: '{"stage":"live"}' });
  await bob.tip(groupID, 6, ({ newGroupProfile }) => newGroupProfile.notification === '{"stage":"live"}');
});

test('a recall in the room reaches everybody', async () => {
  const slip = await bob.say(groupID, 'a slip');
  const received = await ana.text('a slip');
  await ana.chat.revokeMessage(received);
  const revoked = await bob.waitFor('MESSAGE_REVOKED');
  assert.deepEqual(revoked.map((message) => message.ID), [slip.ID]);
});

test('members are marked and found by their mark', async () => {
  await ana.chat.markGroupMemberList({ groupID, userIDList: [bob.userID], markType: 1000, enableMark: true });
  const { data } = await ana.chat.getGroupMemberList({ groupID, filter: 1000 });
  assert.deepEqual(data.memberList.map((member) => member.userID), [bob.userID]);
});

test('a broadcast of the app admin reaches every room', async () => {
  await server.rest.ok('group_open_http_svc/send_broadcast_msg', {
    From_Account: 'administrator', MsgRandom: randomU32(), MsgBody: text('to all rooms'),
  });
  const received = await bob.text('to all rooms');
  assert.equal(received.isBroadcastMessage, true);
});

test('a dismissed room is over for everybody', async () => {
  await ana.chat.dismissGroup(groupID);
  await bob.notice(groupID, 5);
  await refused(10010, enter(bob));
});
