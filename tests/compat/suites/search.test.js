// The cloud search: messages, users, groups and group members.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
});

async function shared(name = 'Crew') {
  const { groupID } = await ana.create({
    name,
    type: ana.TYPES.GRP_PUBLIC,
    joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS,
    memberList: [{ userID: bob.userID }],
  });
  await bob.knows(groupID);
  return groupID;
}

async function say(client, to, conversationType, text) {
  const message = client.chat.createTextMessage({ to, conversationType, payload: { text } });
  await client.chat.sendMessage(message);
  return message;
}

const words = (result) => result.messageList.map((message) => message.payload.text);

test('messages of one conversation are found as messages, newest first', async () => {
  const groupID = await shared();
  for (const text of ['Green tea', '東京都の天気', 'tea and cake', 'nothing']) {
    await say(ana, groupID, ana.TYPES.CONV_GROUP, text);
  }
  const conversationID = `GROUP${groupID}`;
  const { data } = await bob.chat.searchCloudMessages({ keywordList: ['tea'], conversationID });
  assert.equal(data.totalCount, 2);
  assert.equal(data.searchResultList[0].conversationID, conversationID);
  assert.deepEqual(words(data.searchResultList[0]), ['tea and cake', 'Green tea']);
  const [found] = data.searchResultList[0].messageList;
  assert.equal(found.from, ana.userID);
  assert.equal(found.to, groupID);
  assert.equal(found.flow, 'in');
  const japanese = await bob.chat.searchCloudMessages({ keywordList: ['京都'], conversationID });
  assert.deepEqual(words(japanese.data.searchResultList[0]), ['東京都の天気']);
  const both = await bob.chat.searchCloudMessages({ keywordList: ['tea', 'cake'], keywordListMatchType: 'and', conversationID });
  assert.deepEqual(words(both.data.searchResultList[0]), ['tea and cake']);
  const page = await bob.chat.searchCloudMessages({ keywordList: ['tea'], conversationID, count: 1 });
  assert.deepEqual(words(page.data.searchResultList[0]), ['tea and cake']);
  const next = await bob.chat.searchCloudMessages({ keywordList: ['tea'], conversationID, count: 1, cursor: page.data.cursor });
  assert.deepEqual(words(next.data.searchResultList[0]), ['Green tea']);
  assert.equal(next.data.cursor, '');
});

test('all conversations are searched, and hits are counted by conversation', async () => {
  const groupID = await shared();
  await say(ana, groupID, ana.TYPES.CONV_GROUP, 'apple one');
  await say(ana, groupID, ana.TYPES.CONV_GROUP, 'apple two');
  await say(ana, bob.userID, ana.TYPES.CONV_C2C, 'apple three');
  const { data } = await bob.chat.searchCloudMessages({ keywordList: ['apple'] });
  assert.equal(data.totalCount, 2);
  const counts = Object.fromEntries(data.searchResultList.map((one) => [one.conversationID, one.messageCount]));
  assert.deepEqual(counts, { [`GROUP${groupID}`]: 2, [`C2C${ana.userID}`]: 1 });
  const single = data.searchResultList.find((one) => one.messageCount === 1);
  assert.deepEqual(words(single), ['apple three']);
});

test('messages are found by sender and by type alone', async () => {
  await say(ana, bob.userID, ana.TYPES.CONV_C2C, 'pear');
  await say(bob, ana.userID, bob.TYPES.CONV_C2C, 'plum');
  const conversationID = `C2C${ana.userID}`;
  const sent = await bob.chat.searchCloudMessages({ senderUserIDList: [bob.userID], conversationID });
  assert.deepEqual(words(sent.data.searchResultList[0]), ['plum']);
  assert.equal(sent.data.searchResultList[0].messageList[0].flow, 'out');
  const texts = await bob.chat.searchCloudMessages({ messageTypeList: [bob.TYPES.MSG_TEXT], conversationID });
  assert.deepEqual(words(texts.data.searchResultList[0]), ['plum', 'pear']);
  const recent = await bob.chat.searchCloudMessages({ keywordList: ['pear'], conversationID, timePeriod: 3600 });
  assert.equal(recent.data.totalCount, 1);
});

test('a recalled message is not found', async () => {
  const message = await say(ana, bob.userID, ana.TYPES.CONV_C2C, 'quince');
  assert.equal((await bob.chat.searchCloudMessages({ keywordList: ['quince'] })).data.totalCount, 1);
  await ana.chat.revokeMessage(message);
  assert.equal((await bob.chat.searchCloudMessages({ keywordList: ['quince'] })).data.totalCount, 0);
});

test('users are found by nick and id', async () => {
  const nick = `Nightingale ${bob.userID} 小鳥`;
  await bob.chat.updateMyProfile({ nick, gender: bob.TYPES.GENDER_FEMALE, birthday: 19900101 });
  const { data } = await ana.chat.searchCloudUsers({ keywordList: [`nightingale ${bob.userID}`] });
  assert.equal(data.totalCount, 1);
  assert.equal(data.searchResultList[0].userID, bob.userID);
  assert.equal(data.searchResultList[0].nick, nick);
  assert.equal(data.searchResultList[0].gender, ana.TYPES.GENDER_FEMALE);
  const byId = await ana.chat.searchCloudUsers({ keywordList: [bob.userID] });
  assert.ok(byId.data.searchResultList.some((user) => user.userID === bob.userID));
  const men = await ana.chat.searchCloudUsers({ keywordList: ['小鳥'], gender: ana.TYPES.GENDER_MALE });
  assert.ok(!men.data.searchResultList.some((user) => user.userID === bob.userID));
  const born = await ana.chat.searchCloudUsers({ keywordList: ['小鳥'], miniBirthday: 19890101, maxBirthday: 19910101 });
  assert.ok(born.data.searchResultList.some((user) => user.userID === bob.userID));
});

test('groups are found by name', async () => {
  const name = `Lighthouse ${ana.userID}`;
  const groupID = await shared(name);
  const { data } = await bob.chat.searchCloudGroups({ keywordList: [name.toLowerCase()] });
  assert.equal(data.totalCount, 1);
  const [group] = data.searchResultList;
  assert.equal(group.groupID, groupID);
  assert.equal(group.name, name);
  assert.equal(group.type, ana.TYPES.GRP_PUBLIC);
  assert.equal(group.ownerID, ana.userID);
  assert.equal(group.memberCount ?? group.memberNum, 2);
  // This version of the SDK checks `groupTypeList` and does not send it.
  assert.equal(group.joinOption, ana.TYPES.JOIN_OPTIONS_FREE_ACCESS);
});

test('members are found in the own groups', async () => {
  const groupID = await shared();
  await ana.chat.setGroupMemberNameCard({ groupID, userID: bob.userID, nameCard: `Keeper ${bob.userID}` });
  const { data } = await ana.chat.searchCloudGroupMembers({ keywordList: [`keeper ${bob.userID}`] });
  assert.equal(data.totalCount, 1);
  const [hit] = data.searchResultList;
  assert.equal(hit.groupInfo.groupID, groupID);
  assert.equal(hit.memberList[0].userID, bob.userID);
  assert.equal(hit.memberList[0].nameCard, `Keeper ${bob.userID}`);
  const stranger = await Client.login(server, fresh('cid'));
  const none = await stranger.chat.searchCloudGroupMembers({ keywordList: [bob.userID] });
  assert.equal(none.data.totalCount, 0);
});
