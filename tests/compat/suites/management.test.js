// Who may do what in a group: roles, mute, transfer, kick, quit, dismissal, applications.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let cid;
let groupID;
beforeEach(async () => {
  [ana, bob, cid] = await Promise.all(['ana', 'bob', 'cid'].map((name) => Client.login(server, fresh(name))));
  ({ groupID } = await ana.create({
    type: ana.TYPES.GRP_PUBLIC,
    joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS,
    memberList: [{ userID: bob.userID }, { userID: cid.userID }],
  }));
  await Promise.all([bob.knows(groupID), cid.knows(groupID)]);
});

/** Role by user id, as `client` reads it. */
async function roles(client) {
  const { data } = await client.chat.getGroupMemberList({ groupID, count: 30, offset: 0 });
  return Object.fromEntries(data.memberList.map((member) => [member.userID, member.role]));
}

async function promote(userID) {
  await ana.chat.setGroupMemberRole({ groupID, userID, role: ana.TYPES.GRP_MBR_ROLE_ADMIN });
}

test('roles are listed, set and taken', async () => {
  assert.deepEqual(await roles(cid), { [ana.userID]: 'Owner', [bob.userID]: 'Member', [cid.userID]: 'Member' });
  await promote(bob.userID);
  assert.deepEqual(await roles(cid), { [ana.userID]: 'Owner', [bob.userID]: 'Admin', [cid.userID]: 'Member' });
  const { data } = await cid.chat.getGroupMemberList({ groupID, count: 30, offset: 0, role: 'Admin' });
  assert.deepEqual(data.memberList.map((member) => member.userID), [bob.userID]);
  await ana.chat.setGroupMemberRole({ groupID, userID: bob.userID, role: ana.TYPES.GRP_MBR_ROLE_MEMBER });
  assert.equal((await roles(cid))[bob.userID], 'Member');
});

test('only the owner appoints admins', async () => {
  await promote(bob.userID);
  for (const client of [bob, cid]) {
    await assert.rejects(client.chat.setGroupMemberRole({ groupID, userID: cid.userID, role: client.TYPES.GRP_MBR_ROLE_ADMIN }));
  }
  assert.equal((await roles(ana))[cid.userID], 'Member');
});

test('a muted member cannot speak until the mute is lifted', async () => {
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 600 });
  await refused(10017, bob.say(groupID, 'let me speak'));
  const { data } = await cid.chat.getGroupMemberProfile({ groupID, userIDList: [bob.userID] });
  const ends = data.memberList[0].muteUntil - Math.floor(Date.now() / 1000);
  assert.ok(ends > 590 && ends <= 601, `the mute ends in ${ends} s`);

  await ana.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 0 });
  await bob.say(groupID, 'thanks');
  await cid.text('thanks');
  assert.equal(cid.count('let me speak'), 0);
});

test('a short mute ends by itself', async () => {
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 2 });
  await refused(10017, bob.say(groupID, 'too early'));
  await bob.until('the mute has ended', async () => bob.say(groupID, 'free again').then(() => true, (error) => {
    assert.equal(error.code, 10017);
    return false;
  }));
  await cid.text('free again');
});

test('a mute outlives leaving and coming back', async () => {
  await ana.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 600 });
  await bob.chat.quitGroup(groupID);
  await bob.chat.joinGroup({ groupID });
  await refused(10017, bob.say(groupID, 'a trick'));
});

test('admins mute members, members mute nobody, nobody mutes the owner', async () => {
  await promote(bob.userID);
  await bob.chat.setGroupMemberMuteTime({ groupID, userID: cid.userID, muteTime: 600 });
  await refused(10017, cid.say(groupID, 'muted'));
  await assert.rejects(cid.chat.setGroupMemberMuteTime({ groupID, userID: bob.userID, muteTime: 600 }));
  await assert.rejects(bob.chat.setGroupMemberMuteTime({ groupID, userID: ana.userID, muteTime: 600 }));
  await ana.say(groupID, 'the owner speaks');
  await bob.say(groupID, 'the admin speaks');
});

test('with mute-all only owner and admins speak', async () => {
  await promote(bob.userID);
  await ana.chat.updateGroupProfile({ groupID, muteAllMembers: true });
  await refused(10017, cid.say(groupID, 'me too'));
  await ana.say(groupID, 'the owner speaks');
  await bob.say(groupID, 'the admin speaks');
  await ana.chat.updateGroupProfile({ groupID, muteAllMembers: false });
  await cid.say(groupID, 'free again');
});

test('ownership goes to a member; the old owner becomes an ordinary one', async () => {
  await ana.chat.changeGroupOwner({ groupID, newOwnerID: bob.userID });
  assert.deepEqual(await roles(cid), { [ana.userID]: 'Member', [bob.userID]: 'Owner', [cid.userID]: 'Member' });
  const { data } = await cid.chat.getGroupProfile({ groupID });
  assert.equal(data.group.ownerID, bob.userID);
  await bob.chat.setGroupMemberRole({ groupID, userID: cid.userID, role: bob.TYPES.GRP_MBR_ROLE_ADMIN });
  await ana.chat.quitGroup(groupID);
  assert.deepEqual(await roles(cid), { [bob.userID]: 'Owner', [cid.userID]: 'Admin' });
});

test('only the owner gives ownership away, and only to a member', async () => {
  await assert.rejects(bob.chat.changeGroupOwner({ groupID, newOwnerID: bob.userID }));
  const eve = fresh('eve');
  await server.rest.importAccounts(eve);
  await assert.rejects(ana.chat.changeGroupOwner({ groupID, newOwnerID: eve }));
  assert.equal((await roles(cid))[ana.userID], 'Owner');
});

test('owner and admins kick members, members kick nobody', async () => {
  await refused(10007, bob.chat.deleteGroupMember({ groupID, userIDList: [cid.userID] }));
  await promote(bob.userID);
  await bob.chat.deleteGroupMember({ groupID, userIDList: [cid.userID], reason: 'bye' });
  assert.deepEqual(await roles(ana), { [ana.userID]: 'Owner', [bob.userID]: 'Admin' });
  await refused(10007, bob.chat.deleteGroupMember({ groupID, userIDList: [ana.userID] }));
  await refused(10007, cid.say(groupID, 'I am out'));
});

test('the owner of a Public group cannot quit; of a Work group it can', async () => {
  await refused(10009, ana.chat.quitGroup(groupID));
  const work = await ana.create({ type: ana.TYPES.GRP_WORK, memberList: [{ userID: bob.userID }] });
  await bob.knows(work.groupID);
  await ana.chat.quitGroup(work.groupID);
  await bob.say(work.groupID, 'without owner');
});

test('the owner dismisses; a member or the owner of a Work group cannot', async () => {
  await refused(10007, bob.chat.dismissGroup(groupID));
  const work = await ana.create({ type: ana.TYPES.GRP_WORK });
  await refused(10007, ana.chat.dismissGroup(work.groupID));
  await ana.chat.dismissGroup(groupID);
  await refused(10010, bob.say(groupID, 'hello?'));
  const { GroupInfo } = await server.rest.ok('group_open_http_svc/get_group_info', { GroupIdList: [groupID] });
  assert.equal(GroupInfo[0].ErrorCode, 10010);
});

test('members of a Public group cannot invite by default', async () => {
  const eve = fresh('eve');
  await server.rest.importAccounts(eve);
  await refused(10007, bob.chat.addGroupMember({ groupID, userIDList: [eve] }));
  assert.ok(!(eve in await roles(ana)));
});

test('a group that takes no applications refuses them', async () => {
  const eve = await Client.login(server, fresh('eve'));
  await ana.chat.updateGroupProfile({ groupID, joinOption: ana.TYPES.JOIN_OPTIONS_DISABLE_APPLY });
  await refused(10007, eve.chat.joinGroup({ groupID }));
});

test('pending applications are listed and can be decided once', async () => {
  const eve = await Client.login(server, fresh('eve'));
  await ana.chat.updateGroupProfile({ groupID, joinOption: ana.TYPES.JOIN_OPTIONS_NEED_PERMISSION });
  await promote(bob.userID);
  await eve.chat.joinGroup({ groupID, applyMessage: 'please' });
  const applications = await Promise.all([ana, bob].map((client) => client.until('the application is listed', async () => {
    const { data } = await client.chat.getGroupApplicationList();
    return data.applicationList.find((one) => one.groupID === groupID && one.applicant === eve.userID);
  })));
  assert.equal(applications[0].note, 'please');
  const { data } = await cid.chat.getGroupApplicationList();
  assert.deepEqual(data.applicationList.filter((one) => one.groupID === groupID), [], 'an ordinary member sees none');

  await ana.chat.handleGroupApplication({ handleAction: 'Agree', handleMessage: 'ok', application: applications[0] });
  assert.equal((await roles(ana))[eve.userID], 'Member');
  await assert.rejects(bob.chat.handleGroupApplication({ handleAction: 'Reject', application: applications[1] }));
  assert.equal((await roles(ana))[eve.userID], 'Member');
});

test('an applicant who is refused stays outside', async () => {
  const eve = await Client.login(server, fresh('eve'));
  await ana.chat.updateGroupProfile({ groupID, joinOption: ana.TYPES.JOIN_OPTIONS_NEED_PERMISSION });
  await eve.chat.joinGroup({ groupID, applyMessage: 'please' });
  const application = await ana.notice(groupID, 1);
  await ana.chat.handleGroupApplication({ handleAction: 'Reject', handleMessage: 'no', message: application });
  await eve.notice(groupID, 3);
  assert.ok(!(eve.userID in await roles(ana)));
  await refused(10007, eve.say(groupID, 'hello'));
});
