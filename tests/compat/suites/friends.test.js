// Friends: applications, decisions, lists, remarks, friend groups.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

const SOURCE = 'AddSource_Type_Web';
let ana;
let bob;
beforeEach(async () => {
  [ana, bob] = await Promise.all([login(fresh('ana')), login(fresh('bob'))]);
});

/** Logs in and waits for the lists of relations, which come after the SDK calls itself ready. */
async function login(userID) {
  const client = await Client.login(server, userID);
  const lists = ['sns.friend_get', 'sns.group_get', 'sns.pendency_get'];
  await client.until('its relations are here', () => lists.every((command) => client.tab.received(command).length > 0));
  return client;
}

async function friends(client) {
  const { data } = await client.chat.getFriendList();
  return data.map((friend) => friend.userID);
}

async function befriends(client, ...expected) {
  await client.until(`its friends are ${expected}`, async () => String(await friends(client)) === String(expected));
}

/** Ana and bob become friends at once. */
async function befriend() {
  await bob.chat.updateMyProfile({ allowType: bob.TYPES.ALLOW_TYPE_ALLOW_ANY });
  await ana.chat.addFriend({ to: bob.userID, source: SOURCE, type: ana.TYPES.SNS_ADD_TYPE_BOTH });
  await befriends(ana, bob.userID);
  await befriends(bob, ana.userID);
}

test('who takes any friend is a friend at once, on both sides', async () => {
  await bob.chat.updateMyProfile({ allowType: bob.TYPES.ALLOW_TYPE_ALLOW_ANY });
  const { data } = await ana.chat.addFriend({
    to: bob.userID, source: SOURCE, wording: 'hello', remark: 'Bobby', type: ana.TYPES.SNS_ADD_TYPE_BOTH,
  });
  assert.equal(data.code, 0);
  await befriends(ana, bob.userID);
  await befriends(bob, ana.userID);
  const later = await login(ana.userID);
  const [friend] = (await later.chat.getFriendList()).data;
  assert.equal(friend.userID, bob.userID);
  assert.equal(friend.remark, 'Bobby');
  assert.equal(friend.source, SOURCE);
});

test('an application waits, is listed on both sides, and is accepted', async () => {
  await bob.chat.updateMyProfile({ allowType: bob.TYPES.ALLOW_TYPE_NEED_CONFIRM });
  const { data } = await ana.chat.addFriend({ to: bob.userID, source: SOURCE, wording: 'we met', type: ana.TYPES.SNS_ADD_TYPE_BOTH });
  assert.equal(data.code, 30539);
  const update = await bob.waitFor('FRIEND_APPLICATION_LIST_UPDATED', ({ friendApplicationList }) => friendApplicationList.length === 1);
  const [application] = update.friendApplicationList;
  assert.equal(application.userID, ana.userID);
  assert.equal(application.wording, 'we met');
  assert.equal(application.type, bob.TYPES.SNS_APPLICATION_SENT_TO_ME);
  assert.equal(update.unreadCount, 1);

  const own = await login(ana.userID);
  const mine = (await own.chat.getFriendApplicationList()).data.friendApplicationList;
  assert.deepEqual(mine.map((one) => [one.userID, one.type]), [[bob.userID, own.TYPES.SNS_APPLICATION_SENT_BY_ME]]);

  await bob.chat.setFriendApplicationRead();
  await bob.chat.acceptFriendApplication({ userID: ana.userID, remark: 'Annie', type: bob.TYPES.SNS_APPLICATION_AGREE_AND_ADD });
  await befriends(bob, ana.userID);
  await befriends(own, bob.userID);
  await bob.until('no application is left', async () => (await bob.chat.getFriendApplicationList()).data.friendApplicationList.length === 0);
});

test('an application can be refused or withdrawn', async () => {
  await bob.chat.updateMyProfile({ allowType: bob.TYPES.ALLOW_TYPE_NEED_CONFIRM });
  await ana.chat.addFriend({ to: bob.userID, source: SOURCE, type: ana.TYPES.SNS_ADD_TYPE_BOTH });
  await bob.waitFor('FRIEND_APPLICATION_LIST_UPDATED', ({ friendApplicationList }) => friendApplicationList.length === 1);
  await bob.chat.refuseFriendApplication({ userID: ana.userID });
  const later = await login(bob.userID);
  assert.deepEqual((await later.chat.getFriendApplicationList()).data.friendApplicationList, []);
  assert.deepEqual(await friends(later), []);

  await ana.chat.addFriend({ to: bob.userID, source: SOURCE, type: ana.TYPES.SNS_ADD_TYPE_BOTH });
  const own = await login(ana.userID);
  await own.chat.deleteFriendApplication({ userID: bob.userID, type: own.TYPES.SNS_APPLICATION_SENT_BY_ME });
  const again = await login(ana.userID);
  assert.deepEqual((await again.chat.getFriendApplicationList()).data.friendApplicationList, []);
});

test('who takes no friends refuses', async () => {
  await bob.chat.updateMyProfile({ allowType: bob.TYPES.ALLOW_TYPE_DENY_ANY });
  const outcome = await ana.chat.addFriend({ to: bob.userID, source: SOURCE, type: ana.TYPES.SNS_ADD_TYPE_BOTH })
    .catch((error) => ({ data: { code: error.code } }));
  assert.equal(outcome.data.code, 30516);
  assert.deepEqual(await friends(ana), []);
});

test('remarks are changed and kept', async () => {
  await befriend();
  await ana.chat.updateFriend({ userID: bob.userID, remark: 'The builder' });
  const later = await login(ana.userID);
  assert.equal((await later.chat.getFriendList()).data[0].remark, 'The builder');
  const { data } = await later.chat.getFriendProfile({ userIDList: [bob.userID] });
  assert.equal(data.friendList[0].remark, 'The builder');
});

test('friendship is checked one-way and two-way', async () => {
  const check = async (type) => (await ana.chat.checkFriend({ userIDList: [bob.userID], type })).data.successUserIDList[0].relation;
  assert.equal(await check(ana.TYPES.SNS_CHECK_TYPE_BOTH), ana.TYPES.SNS_TYPE_NO_RELATION);
  await befriend();
  assert.equal(await check(ana.TYPES.SNS_CHECK_TYPE_BOTH), ana.TYPES.SNS_TYPE_BOTH_WAY);
  await bob.chat.deleteFriend({ userIDList: [ana.userID], type: bob.TYPES.SNS_DELETE_TYPE_SINGLE });
  assert.equal(await check(ana.TYPES.SNS_CHECK_TYPE_BOTH), ana.TYPES.SNS_TYPE_A_WITH_B);
  assert.equal(await check(ana.TYPES.SNS_CHECK_TYPE_SINGLE), ana.TYPES.SNS_TYPE_A_WITH_B);
});

test('a two-way deletion ends the friendship on both sides', async () => {
  await befriend();
  // In fresh tabs: one that just became a friend still looks the other up, and lists them again when that ends late.
  const [one, other] = await Promise.all([login(ana.userID), login(bob.userID)]);
  await befriends(one, bob.userID);
  await befriends(other, ana.userID);
  await one.chat.deleteFriend({ userIDList: [bob.userID], type: one.TYPES.SNS_DELETE_TYPE_BOTH });
  await befriends(one);
  await befriends(other);
});

test('friend groups are made, renamed, filled, emptied and deleted', async () => {
  await befriend();
  const groups = async (client) => (await client.chat.getFriendGroupList()).data.map((group) => [group.name, group.userIDList]);
  await ana.chat.createFriendGroup({ name: 'Work', userIDList: [bob.userID] });
  assert.deepEqual(await groups(ana), [['Work', [bob.userID]]]);
  await ana.chat.renameFriendGroup({ oldName: 'Work', newName: 'Office' });
  await ana.chat.removeFromFriendGroup({ name: 'Office', userIDList: [bob.userID] });
  assert.deepEqual(await groups(await login(ana.userID)), [['Office', []]]);
  const later = await login(ana.userID);
  await later.chat.addToFriendGroup({ name: 'Office', userIDList: [bob.userID] });
  assert.deepEqual(await groups(await login(ana.userID)), [['Office', [bob.userID]]]);
  const last = await login(ana.userID);
  await last.chat.deleteFriendGroup({ name: 'Office' });
  assert.deepEqual(await groups(await login(ana.userID)), []);
});

test('a friend sees a changed nickname at once', async () => {
  await befriend();
  await bob.chat.updateMyProfile({ nick: 'Robert' });
  const updated = await ana.waitFor('PROFILE_UPDATED', (list) => list.some((profile) => profile.userID === bob.userID));
  assert.equal(updated.find((profile) => profile.userID === bob.userID).nick, 'Robert');
});
