// Profiles: one's own and other users', of groups and of members; member lists and online numbers.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
});

async function shared(type = ana.TYPES.GRP_PUBLIC) {
  const { groupID } = await ana.create({ type, joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS, memberList: [{ userID: bob.userID }] });
  await bob.knows(groupID);
  return groupID;
}

test('every standard field of the own profile is kept and shown to others', async () => {
  const fields = {
    nick: 'Ana 東京 😀',
    avatar: 'https://files.example.test/ana.png',
    gender: ana.TYPES.GENDER_FEMALE,
    birthday: 19990131,
    location: 'Chiba',
    selfSignature: 'gone fishing',
    allowType: ana.TYPES.ALLOW_TYPE_NEED_CONFIRM,
    language: 3,
    messageSettings: 0,
    level: 7,
    role: 2,
  };
  await ana.chat.updateMyProfile(fields);
  const own = (await ana.chat.getMyProfile()).data;
  const later = await Client.login(server, ana.userID);
  const reloaded = (await later.chat.getMyProfile()).data;
  const seen = (await bob.chat.getUserProfile({ userIDList: [ana.userID] })).data[0];
  for (const [key, value] of Object.entries(fields)) {
    assert.equal(own[key], value, `own ${key}`);
    assert.equal(reloaded[key], value, `${key} after a new login`);
    assert.equal(seen[key], value, `${key} as seen by another`);
  }
  assert.equal(seen.userID, ana.userID);
});

test('the own tab raises PROFILE_UPDATED for its change', async () => {
  const since = ana.mark();
  await ana.chat.updateMyProfile({ nick: 'Ana' });
  const updated = await ana.waitFor('PROFILE_UPDATED', () => true, { since });
  assert.equal(updated[0].userID, ana.userID);
  assert.equal(updated[0].nick, 'Ana');
});

test('profile values beyond their limits are refused and change nothing', async () => {
  await ana.chat.updateMyProfile({ nick: 'short', location: 'here' });
  // The SDK checks the nickname itself, and leaves the place to the server.
  await refused(40601, ana.chat.updateMyProfile({ location: 'x'.repeat(501) }));
  const later = await Client.login(server, ana.userID);
  assert.equal((await later.chat.getMyProfile()).data.nick, 'short');
  assert.equal((await later.chat.getMyProfile()).data.location, 'here');
});

test('a profile set over REST is what the SDK shows, and the reverse', async () => {
  await server.rest.ok('profile/portrait_set', {
    From_Account: ana.userID, ProfileItem: [{ Tag: 'Tag_Profile_IM_Nick', Value: 'set by the backend' }],
  });
  assert.equal((await bob.chat.getUserProfile({ userIDList: [ana.userID] })).data[0].nick, 'set by the backend');
  await bob.chat.updateMyProfile({ nick: 'set by bob' });
  const { UserProfileItem } = await server.rest.ok('profile/portrait_get', {
    To_Account: [bob.userID], TagList: ['Tag_Profile_IM_Nick'],
  });
  assert.deepEqual(UserProfileItem[0].ProfileItem, [{ Tag: 'Tag_Profile_IM_Nick', Value: 'set by bob' }]);
});

test('profiles of several users come in one answer', async () => {
  const cid = fresh('cid');
  await server.rest.importAccounts(cid);
  const { data } = await ana.chat.getUserProfile({ userIDList: [bob.userID, cid] });
  assert.deepEqual(data.map((profile) => profile.userID), [bob.userID, cid]);
});

test('the group profile is edited field by field', async () => {
  const groupID = await shared();
  const edits = {
    name: 'Second name',
    introduction: 'About us',
    notification: 'Meet at nine',
    avatar: 'https://files.example.test/g.png',
    joinOption: ana.TYPES.JOIN_OPTIONS_NEED_PERMISSION,
  };
  for (const [key, value] of Object.entries(edits)) {
    const { data } = await ana.chat.updateGroupProfile({ groupID, [key]: value });
    assert.equal(data.group[key], value);
  }
  const later = await Client.login(server, bob.userID);
  const { data } = await later.chat.getGroupProfile({ groupID });
  for (const [key, value] of Object.entries(edits)) {
    assert.equal(data.group[key], value, key);
  }
  assert.equal(data.group.memberCount, 2);
});

test('a member of a Public group cannot edit its profile, a member of a Work group can', async () => {
  const groupID = await shared();
  await refused(10007, bob.chat.updateGroupProfile({ groupID, name: 'Mine now' }));
  assert.equal((await ana.chat.getGroupProfile({ groupID })).data.group.name, 'A group');
  const work = await shared(ana.TYPES.GRP_WORK);
  await ana.say(work, 'hello');
  await bob.chat.updateGroupProfile({ groupID: work, name: 'Ours' });
  await ana.tip(work, 6, ({ newGroupProfile }) => newGroupProfile.groupName === 'Ours');
});

test('a name that is too long is refused and changes nothing', async () => {
  const groupID = await shared();
  await refused(10004, ana.chat.updateGroupProfile({ groupID, name: 'n'.repeat(31) }));
  assert.equal((await ana.chat.getGroupProfile({ groupID })).data.group.name, 'A group');
});

test('an outsider finds a Public group by its id, and not a Work group', async () => {
  const eve = await Client.login(server, fresh('eve'));
  const groupID = await shared();
  const { data } = await eve.chat.searchGroupByID(groupID);
  assert.equal(data.group.groupID, groupID);
  assert.equal(data.group.name, 'A group');
  const work = await shared(ana.TYPES.GRP_WORK);
  await refused(10007, eve.chat.searchGroupByID(work));
  await refused(10010, eve.chat.searchGroupByID(fresh('nowhere')));
});

test('the joined groups are listed with the own role', async () => {
  const own = [];
  for (const Type of ['Public', 'ChatRoom', 'Community']) {
    const { GroupId } = await server.rest.ok('group_open_http_svc/create_group', {
      Type, Name: Type, Owner_Account: ana.userID, MemberList: [{ Member_Account: bob.userID }],
    });
    own.push(GroupId);
  }
  const later = await Client.login(server, bob.userID);
  const { data } = await later.chat.getGroupList();
  assert.deepEqual(new Set(data.groupList.map((group) => group.groupID)), new Set(own));
  for (const group of data.groupList) {
    assert.equal(group.selfInfo.role, 'Member');
    assert.equal(group.ownerID, ana.userID);
  }
});

test('name card and remind type of the own membership are kept', async () => {
  const groupID = await shared();
  await bob.chat.setGroupMemberNameCard({ groupID, nameCard: 'Deputy' });
  await bob.chat.setMessageRemindType({ groupID, messageRemindType: bob.TYPES.MSG_REMIND_ACPT_NOT_NOTE });
  const { data } = await ana.chat.getGroupMemberProfile({ groupID, userIDList: [bob.userID] });
  assert.equal(data.memberList[0].nameCard, 'Deputy');
  const said = await bob.say(groupID, 'as deputy');
  const received = await ana.text('as deputy');
  assert.equal(received.nameCard, 'Deputy');
  assert.equal(received.ID, said.ID);
  const later = await Client.login(server, bob.userID);
  const group = (await later.chat.getGroupList()).data.groupList.find((one) => one.groupID === groupID);
  assert.equal(group.selfInfo.messageRemindType, bob.TYPES.MSG_REMIND_ACPT_NOT_NOTE);
  // The list does not ask for name cards, the profile does.
  assert.equal((await later.chat.getGroupProfile({ groupID })).data.group.selfInfo.nameCard, 'Deputy');
});

test('the owner sets the name card of a member, a member not that of another', async () => {
  const groupID = await shared();
  await ana.chat.setGroupMemberNameCard({ groupID, userID: bob.userID, nameCard: 'Number two' });
  const { data } = await bob.chat.getGroupMemberProfile({ groupID, userIDList: [bob.userID] });
  assert.equal(data.memberList[0].nameCard, 'Number two');
  await assert.rejects(bob.chat.setGroupMemberNameCard({ groupID, userID: ana.userID, nameCard: 'Boss' }));
});

test('the member list comes in pages, with nicknames', async () => {
  const names = [...Array(35).keys()].map(() => fresh('peer'));
  await server.rest.importAccounts(...names);
  const groupID = await shared();
  await server.rest.ok('group_open_http_svc/add_group_member', {
    GroupId: groupID, MemberList: names.map((name) => ({ Member_Account: name })),
  });
  await bob.chat.updateMyProfile({ nick: 'Bob' });
  const seen = [];
  for (let offset = 0; offset < 60; offset += 15) {
    const { data } = await bob.chat.getGroupMemberList({ groupID, count: 15, offset });
    seen.push(...data.memberList);
    assert.ok(data.memberList.length <= 15);
  }
  assert.deepEqual(new Set(seen.map((member) => member.userID)), new Set([ana.userID, bob.userID, ...names]));
  assert.equal(seen.length, 37, 'every member once');
  assert.equal(seen.find((member) => member.userID === bob.userID).nick, 'Bob');
});

test('the member list of a Community comes in pages', async () => {
  const names = [...Array(35).keys()].map(() => fresh('peer'));
  await server.rest.importAccounts(...names);
  const groupID = await shared(ana.TYPES.GRP_COMMUNITY);
  await server.rest.ok('group_open_http_svc/add_group_member', {
    GroupId: groupID, MemberList: names.map((name) => ({ Member_Account: name })),
  });
  const seen = [];
  let offset = '';
  do {
    const { data } = await bob.chat.getGroupMemberList({ groupID, count: 15, offset });
    seen.push(...data.memberList.map((member) => member.userID));
    ({ offset } = data);
    assert.ok(seen.length <= 37, 'paging ends');
  } while (offset);
  assert.deepEqual(new Set(seen), new Set([ana.userID, bob.userID, ...names]));
  assert.equal(seen.length, 37, 'every member once');
});

test('the online number counts who is connected', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM });
  for (const client of [ana, bob]) {
    await client.chat.joinGroup({ groupID, type: client.TYPES.GRP_AVCHATROOM });
  }
  const eve = await Client.login(server, fresh('eve'));
  await eve.chat.joinGroup({ groupID, type: eve.TYPES.GRP_AVCHATROOM });
  const { data } = await eve.chat.getGroupOnlineMemberCount(groupID);
  assert.equal(data.memberCount, 3);
});
