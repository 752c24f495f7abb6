// Each of the five group types of the SDK: created, joined as its rules allow, and spoken in by both sides.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

async function two() {
  return Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
}

/** Both say something; the other receives it under the id that the sender knows. */
async function talk(ana, bob, groupID) {
  for (const [from, to] of [[ana, bob], [bob, ana]]) {
    const content = `${from.userID} in ${groupID}`;
    const sent = await from.say(groupID, content);
    const received = await to.text(content);
    assert.equal(received.ID, sent.ID, 'one id on both sides');
    assert.equal(received.sequence, sent.sequence, 'one sequence on both sides');
    assert.equal(received.time, sent.time, 'one time on both sides');
    assert.equal(received.conversationID, `GROUP${groupID}`);
    assert.equal(received.from, from.userID);
    assert.equal(received.flow, 'in');
    assert.equal(sent.flow, 'out');
  }
}

async function listed(client, groupID) {
  const { data } = await client.chat.getGroupList();
  return data.groupList.some((group) => group.groupID === groupID);
}

test('Work: nobody can apply, any member may invite without approval', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_WORK, name: 'Work group' });
  assert.equal(group.type, ana.TYPES.GRP_WORK);
  assert.match(group.groupID, /^@TGS#(?!_)/);
  assert.equal(group.ownerID, ana.userID);
  assert.equal(group.name, 'Work group');

  await refused(10007, bob.chat.joinGroup({ groupID: group.groupID }));

  const { data } = await ana.chat.addGroupMember({ groupID: group.groupID, userIDList: [bob.userID] });
  assert.deepEqual(data.successUserIDList, [bob.userID]);
  await bob.notice(group.groupID, 7);
  await bob.until('it lists the group', () => listed(bob, group.groupID));
  await talk(ana, bob, group.groupID);

  const cid = fresh('cid');
  await server.rest.importAccounts(cid);
  const invited = await bob.chat.addGroupMember({ groupID: group.groupID, userIDList: [cid, ana.userID] });
  assert.deepEqual(invited.data.successUserIDList, [cid]);
  assert.deepEqual(invited.data.existedUserIDList, [ana.userID]);
});

test('Work: members named at creation belong to it', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_WORK, memberList: [{ userID: bob.userID }] });
  await bob.until('it lists the group', () => listed(bob, group.groupID));
  await talk(ana, bob, group.groupID);
});

test('Public: an application waits for approval', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_PUBLIC });
  assert.equal(group.type, ana.TYPES.GRP_PUBLIC);
  assert.equal(group.joinOption, ana.TYPES.JOIN_OPTIONS_NEED_PERMISSION, 'the default of the type');

  const { data } = await bob.chat.joinGroup({ groupID: group.groupID, applyMessage: 'let me in' });
  assert.equal(data.status, bob.TYPES.JOIN_STATUS_WAIT_APPROVAL);
  const application = await ana.notice(group.groupID, 1);
  assert.equal(application.payload.operatorID, bob.userID);
  assert.equal(application.payload.handleMessage, 'let me in');
  await refused(10007, bob.say(group.groupID, 'too early'));

  await ana.chat.handleGroupApplication({ handleAction: 'Agree', handleMessage: 'welcome', message: application });
  await bob.notice(group.groupID, 2);
  await bob.until('it lists the group', () => listed(bob, group.groupID));
  await talk(ana, bob, group.groupID);
});

test('Public with free access: joined at once', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_PUBLIC, joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS });
  const { data } = await bob.chat.joinGroup({ groupID: group.groupID });
  assert.equal(data.status, bob.TYPES.JOIN_STATUS_SUCCESS);
  await talk(ana, bob, group.groupID);
  const again = await bob.chat.joinGroup({ groupID: group.groupID });
  assert.equal(again.data.status, bob.TYPES.JOIN_STATUS_ALREADY_IN_GROUP);
});

test('Meeting: anybody walks in', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_MEETING });
  assert.equal(group.type, ana.TYPES.GRP_MEETING);
  assert.equal(group.joinOption, ana.TYPES.JOIN_OPTIONS_FREE_ACCESS, 'the default of the type');
  const { data } = await bob.chat.joinGroup({ groupID: group.groupID });
  assert.equal(data.status, bob.TYPES.JOIN_STATUS_SUCCESS);
  await talk(ana, bob, group.groupID);
});

test('Community without topics: anybody walks in, its id has the prefix of communities', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_COMMUNITY });
  assert.equal(group.type, ana.TYPES.GRP_COMMUNITY);
  assert.match(group.groupID, /^@TGS#_/);
  assert.equal(group.isSupportTopic, false);
  const { data } = await bob.chat.joinGroup({ groupID: group.groupID });
  assert.equal(data.status, bob.TYPES.JOIN_STATUS_SUCCESS);
  await talk(ana, bob, group.groupID);
});

test('live room: owner and viewer join, the server lists no conversation for it', async () => {
  const [ana, bob] = await two();
  const group = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM });
  assert.equal(group.type, ana.TYPES.GRP_AVCHATROOM);
  for (const client of [ana, bob]) {
    const { data } = await client.chat.joinGroup({ groupID: group.groupID, type: client.TYPES.GRP_AVCHATROOM });
    assert.ok([client.TYPES.JOIN_STATUS_SUCCESS, client.TYPES.JOIN_STATUS_ALREADY_IN_GROUP].includes(data.status), data.status);
  }
  await talk(ana, bob, group.groupID);

  const later = await Client.login(server, bob.userID);
  assert.equal(await later.conversation(`GROUP${group.groupID}`), undefined, 'the server keeps no conversation for a live room');
  assert.equal(await listed(later, group.groupID), false);
});

test('live room: a viewer without login joins and receives', async () => {
  const ana = await Client.login(server, fresh('ana'));
  const group = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM });
  await ana.chat.joinGroup({ groupID: group.groupID, type: ana.TYPES.GRP_AVCHATROOM });

  const visitor = new Client(server, 'visitor');
  const { data } = await visitor.chat.joinGroup({ groupID: group.groupID, type: visitor.TYPES.GRP_AVCHATROOM });
  assert.equal(data.status, visitor.TYPES.JOIN_STATUS_SUCCESS);
  for (const content of ['for everybody', 'once more']) {
    const sent = await ana.say(group.groupID, content);
    const received = await visitor.text(content);
    assert.equal(received.ID, sent.ID);
    assert.equal(received.from, ana.userID);
  }
  await visitor.chat.quitGroup(group.groupID);
});

test('a group id of the caller\'s choice is kept, and taken once', async () => {
  const [ana, bob] = await two();
  const groupID = fresh('ticket#');
  const group = await ana.create({ type: ana.TYPES.GRP_PUBLIC, groupID });
  assert.equal(group.groupID, groupID);
  await refused(10025, ana.create({ type: ana.TYPES.GRP_PUBLIC, groupID }));
  await refused(10021, bob.create({ type: bob.TYPES.GRP_PUBLIC, groupID }));
});

test('a group that does not exist cannot be joined or spoken in', async () => {
  const ana = await Client.login(server, fresh('ana'));
  await refused(10010, ana.chat.joinGroup({ groupID: fresh('nowhere') }));
  await refused(10010, ana.say(fresh('nowhere'), 'hello?'));
});

test('all profile fields given at creation are there', async () => {
  const [ana, bob] = await two();
  const given = {
    type: ana.TYPES.GRP_PUBLIC,
    name: 'Reading circle',
    introduction: 'we read',
    notification: 'Tuesday at eight',
    avatar: 'https://files.example.test/circle.png',
    maxMemberNum: 50,
    joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS,
  };
  const group = await ana.create(given);
  await bob.chat.joinGroup({ groupID: group.groupID });
  const { data } = await bob.chat.getGroupProfile({ groupID: group.groupID });
  for (const key of ['type', 'name', 'introduction', 'notification', 'avatar', 'joinOption']) {
    assert.equal(data.group[key], given[key], key);
  }
  assert.equal(data.group.maxMemberCount, 50);
  assert.equal(data.group.memberCount, 2);
  assert.equal(data.group.ownerID, ana.userID);
  assert.equal(data.group.selfInfo.role, bob.TYPES.GRP_MBR_ROLE_MEMBER);
});
