// Group tips (in the message stream) and system notices (to single users), as events of the SDK.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

// The operation types of tips, and the report types of notices that the SDK has no names for.
const TIP = { JOIN: 1, QUIT: 2, KICKED: 3, ADMIN_SET: 4, ADMIN_CANCELLED: 5, PROFILE: 6, MEMBER: 7 };
const NOTICE = { APPLY: 1, ACCEPTED: 2, REFUSED: 3, KICKED: 4, DISMISSED: 5, INVITED: 7, QUIT: 8, ADMIN_SET: 9, ADMIN_CANCELLED: 10 };

let ana;
let bob;
let cid;
let groupID;
beforeEach(async () => {
  [ana, bob, cid] = await Promise.all(['ana', 'bob', 'cid'].map((name) => Client.login(server, fresh(name))));
  await ana.chat.updateMyProfile({ nick: 'Ana A.' });
  await bob.chat.updateMyProfile({ nick: 'Bob B.' });
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS }));
  await cid.chat.joinGroup({ groupID });
});

test('join: tip to the members', async () => {
  await bob.chat.joinGroup({ groupID });
  for (const client of [ana, cid]) {
    const { payload, sequence, conversationID } = await client.tip(groupID, TIP.JOIN, (tip) => tip.userIDList.includes(bob.userID));
    assert.deepEqual(payload.userIDList, [bob.userID]);
    assert.equal(payload.operatorID, bob.userID);
    assert.equal(payload.memberCount ?? payload.memberNum, 3);
    assert.equal(payload.memberList?.[0]?.nick ?? 'Bob B.', 'Bob B.');
    assert.equal(conversationID, `GROUP${groupID}`);
    assert.ok(sequence > 1, 'a stored tip has a sequence');
  }
});

test('invitation: tip to the members, notice to the invited', async () => {
  const work = await ana.create({ type: ana.TYPES.GRP_WORK, memberList: [{ userID: cid.userID }] });
  await ana.chat.addGroupMember({ groupID: work.groupID, userIDList: [bob.userID] });
  const tip = await cid.tip(work.groupID, TIP.JOIN, ({ userIDList }) => userIDList.includes(bob.userID));
  assert.equal(tip.payload.operatorID, ana.userID);
  const notice = await bob.notice(work.groupID, NOTICE.INVITED);
  assert.equal(notice.payload.operatorID, ana.userID);
  assert.equal(notice.payload.groupProfile.name, work.name);
});

test('quit: tip to those who stay, notice to the one who left', async () => {
  await bob.chat.joinGroup({ groupID });
  await bob.chat.quitGroup(groupID);
  for (const client of [ana, cid]) {
    const { payload } = await client.tip(groupID, TIP.QUIT);
    assert.deepEqual(payload.userIDList, [bob.userID]);
  }
  assert.equal(bob.messages().filter((message) => message.payload.operationType === TIP.QUIT && message.type === bob.TYPES.MSG_GRP_TIP).length, 0);
});

test('kick: tip to those who stay, notice to the kicked, whose group is gone', async () => {
  await bob.chat.joinGroup({ groupID });
  await ana.chat.deleteGroupMember({ groupID, userIDList: [bob.userID], reason: 'too loud' });
  for (const client of [ana, cid]) {
    const { payload } = await client.tip(groupID, TIP.KICKED);
    assert.deepEqual(payload.userIDList, [bob.userID]);
    assert.equal(payload.operatorID, ana.userID);
  }
  const { payload } = await bob.notice(groupID, NOTICE.KICKED);
  assert.equal(payload.operatorID, ana.userID);
  await bob.until('the group is gone', async () => (await bob.chat.getGroupList()).data.groupList.every((group) => group.groupID !== groupID));
});

test('role: tips to all, notices to the member', async () => {
  await ana.chat.setGroupMemberRole({ groupID, userID: cid.userID, role: ana.TYPES.GRP_MBR_ROLE_ADMIN });
  for (const client of [ana, cid]) {
    const { payload } = await client.tip(groupID, TIP.ADMIN_SET);
    assert.deepEqual(payload.userIDList, [cid.userID]);
    assert.equal(payload.operatorID, ana.userID);
  }
  await cid.notice(groupID, NOTICE.ADMIN_SET);
  await ana.chat.setGroupMemberRole({ groupID, userID: cid.userID, role: ana.TYPES.GRP_MBR_ROLE_MEMBER });
  const { payload } = await ana.tip(groupID, TIP.ADMIN_CANCELLED);
  assert.deepEqual(payload.userIDList, [cid.userID]);
  await cid.notice(groupID, NOTICE.ADMIN_CANCELLED);
});

test('mute: tip with the seconds, and another when it is lifted', async () => {
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: cid.userID, muteTime: 600 });
  for (const client of [ana, cid]) {
    const { payload } = await client.tip(groupID, TIP.MEMBER, ({ memberList }) => memberList[0].muteTime === 600);
    assert.equal(payload.memberList[0].userID, cid.userID);
    assert.equal(payload.operatorID, ana.userID);
  }
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: cid.userID, muteTime: 0 });
  await cid.tip(groupID, TIP.MEMBER, ({ memberList }) => memberList[0].muteTime === 0);
});

test('profile: tip with what changed and nothing else', async () => {
  await ana.chat.updateGroupProfile({ groupID, name: 'New name', notification: 'New notice' });
  for (const client of [ana, cid]) {
    const { payload } = await client.tip(groupID, TIP.PROFILE);
    assert.equal(payload.newGroupProfile.groupName, 'New name');
    assert.equal(payload.newGroupProfile.notification, 'New notice');
    assert.ok(!('introduction' in payload.newGroupProfile), 'unchanged fields are absent');
    assert.equal(payload.operatorID, ana.userID);
  }
  const { data } = await cid.chat.getGroupProfile({ groupID });
  assert.equal(data.group.name, 'New name');
});

test('mute-all: tip, and the group shows it', async () => {
  await ana.chat.updateGroupProfile({ groupID, muteAllMembers: true });
  await cid.tip(groupID, TIP.PROFILE, ({ newGroupProfile }) => newGroupProfile.muteAllMembers === true);
  const { data } = await cid.chat.getGroupProfile({ groupID });
  assert.equal(data.group.muteAllMembers, true);
});

test('owner: tip with the new owner', async () => {
  await ana.chat.changeGroupOwner({ groupID, newOwnerID: cid.userID });
  for (const client of [ana, cid]) {
    const { payload } = await client.tip(groupID, TIP.PROFILE, ({ newGroupProfile }) => newGroupProfile.ownerID === cid.userID);
    assert.equal(payload.operatorID, ana.userID);
  }
});

test('dismissal: notice to every member', async () => {
  await ana.chat.dismissGroup(groupID);
  const { payload } = await cid.notice(groupID, NOTICE.DISMISSED);
  assert.equal(payload.operatorID, ana.userID);
  await cid.until('the group is gone', async () => (await cid.chat.getGroupList()).data.groupList.every((group) => group.groupID !== groupID));
});

test('application: notice to owner and admins; its decision: notice to the applicant', async () => {
  const group = await ana.create({ type: ana.TYPES.GRP_PUBLIC, joinOption: ana.TYPES.JOIN_OPTIONS_NEED_PERMISSION, memberList: [{ userID: cid.userID }] });
  await ana.chat.setGroupMemberRole({ groupID: group.groupID, userID: cid.userID, role: ana.TYPES.GRP_MBR_ROLE_ADMIN });
  await bob.chat.joinGroup({ groupID: group.groupID, applyMessage: 'first try' });
  for (const client of [ana, cid]) {
    const { payload } = await client.notice(group.groupID, NOTICE.APPLY);
    assert.equal(payload.operatorID, bob.userID);
    assert.equal(payload.handleMessage, 'first try');
  }
  const first = await cid.notice(group.groupID, NOTICE.APPLY);
  await cid.chat.handleGroupApplication({ handleAction: 'Reject', handleMessage: 'not today', message: first });
  const refusal = await bob.notice(group.groupID, NOTICE.REFUSED);
  assert.equal(refusal.payload.operatorID, cid.userID);
  assert.equal(refusal.payload.handleMessage, 'not today');

  await bob.chat.joinGroup({ groupID: group.groupID, applyMessage: 'second try' });
  const second = await ana.notice(group.groupID, NOTICE.APPLY, ({ handleMessage }) => handleMessage === 'second try');
  await ana.chat.handleGroupApplication({ handleAction: 'Agree', handleMessage: 'come in', message: second });
  const consent = await bob.notice(group.groupID, NOTICE.ACCEPTED);
  assert.equal(consent.payload.operatorID, ana.userID);
  await cid.tip(group.groupID, TIP.JOIN, ({ userIDList }) => userIDList.includes(bob.userID));
});

test('tips share the numbering of messages and are in the history', async () => {
  const before = await ana.say(groupID, 'before');
  await ana.chat.updateGroupProfile({ groupID, notification: 'News' });
  const after = await ana.say(groupID, 'after');
  assert.equal(after.sequence, before.sequence + 2);
  const later = await Client.login(server, cid.userID);
  const { data } = await later.chat.getMessageList({ conversationID: `GROUP${groupID}` });
  const seen = data.messageList.slice(-3).map((message) => [message.sequence, message.type]);
  assert.deepEqual(seen, [
    [before.sequence, later.TYPES.MSG_TEXT],
    [before.sequence + 1, later.TYPES.MSG_GRP_TIP],
    [after.sequence, later.TYPES.MSG_TEXT],
  ]);
});

test('changes made over REST are told like those of a client', async () => {
  const admin = 'administrator';
  await server.rest.ok('group_open_http_svc/add_group_member', { GroupId: groupID, MemberList: [{ Member_Account: bob.userID }] });
  await bob.notice(groupID, NOTICE.INVITED);
  await cid.tip(groupID, TIP.JOIN, ({ userIDList, operatorID }) => userIDList.includes(bob.userID) && operatorID === admin);
  await server.rest.ok('group_open_http_svc/modify_group_base_info', { GroupId: groupID, Name: 'By the backend' });
  await bob.tip(groupID, TIP.PROFILE, ({ newGroupProfile }) => newGroupProfile.groupName === 'By the backend');
  await server.rest.ok('group_open_http_svc/forbid_send_msg', { GroupId: groupID, Members_Account: [bob.userID], MuteTime: 60 });
  await cid.tip(groupID, TIP.MEMBER, ({ memberList }) => memberList[0].userID === bob.userID && memberList[0].muteTime === 60);
  await server.rest.ok('group_open_http_svc/delete_group_member', { GroupId: groupID, MemberToDel_Account: [bob.userID] });
  await bob.notice(groupID, NOTICE.KICKED);
  await cid.tip(groupID, TIP.KICKED, ({ userIDList }) => userIDList.includes(bob.userID));
  await server.rest.ok('group_open_http_svc/destroy_group', { GroupId: groupID });
  for (const client of [ana, cid]) {
    await client.notice(groupID, NOTICE.DISMISSED);
  }
});
