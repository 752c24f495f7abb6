// The conversation list: what it holds, unread counts, reading, a second device.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { randomU32, text } from '../lib/rest.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
});

/** A Public group of both. */
async function shared() {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS });
  await bob.chat.joinGroup({ groupID });
  return groupID;
}

/** Waits until the conversation has `count` unread messages. */
async function unread(client, conversationID, count) {
  let seen;
  return client.until(`${conversationID} has ${count} unread messages`, async () => {
    const conversation = await client.conversation(conversationID);
    seen = conversation?.unreadCount;
    return seen === count && conversation;
  }).catch((error) => {
    error.message += `, it has ${seen}`;
    throw error;
  });
}

async function read(client, conversationID) {
  await client.chat.setMessageRead({ conversationID });
}

test('group messages count as unread for the receiver, not for the sender', async () => {
  const groupID = await shared();
  const conversationID = `GROUP${groupID}`;
  await read(bob, conversationID);
  await unread(bob, conversationID, 0);
  for (const content of ['one', 'two', 'three']) {
    await ana.say(groupID, content);
  }
  await bob.text('three');
  const conversation = await unread(bob, conversationID, 3);
  assert.equal(conversation.lastMessage.payload.text, 'three');
  assert.equal(conversation.lastMessage.fromAccount, ana.userID);
  assert.equal(conversation.type, bob.TYPES.CONV_GROUP);
  assert.equal(conversation.groupProfile.groupID, groupID);
  assert.equal((await ana.conversation(conversationID)).lastMessage.payload.text, 'three');
});

test('unread counts of groups and of one-to-one are there at the next login', async () => {
  const groupID = await shared();
  await read(bob, `GROUP${groupID}`);
  await bob.chat.logout();
  for (const content of ['one', 'two']) {
    await ana.say(groupID, content);
  }
  await ana.whisper(bob.userID, 'psst');
  const later = await Client.login(server, bob.userID);
  await unread(later, `GROUP${groupID}`, 2);
  await unread(later, `C2C${ana.userID}`, 1);
  assert.equal(later.chat.getTotalUnreadMessageCount(), 3);
});

test('what was read in one tab is read at the next login', async () => {
  const groupID = await shared();
  await ana.say(groupID, 'read me');
  await ana.whisper(bob.userID, 'me too');
  await bob.text('read me');
  await bob.text('me too');
  await read(bob, `GROUP${groupID}`);
  await read(bob, `C2C${ana.userID}`);
  await bob.until('both reports were answered', () => bob.tab.received('group_open_http_svc.msg_read_report').length > 0
    && bob.tab.received('openim.msgreaded').length > 0);
  const later = await Client.login(server, bob.userID);
  await unread(later, `GROUP${groupID}`, 0);
  await unread(later, `C2C${ana.userID}`, 0);
  assert.equal(later.chat.getTotalUnreadMessageCount(), 0);
});

test('sending moves the own read position', async () => {
  const groupID = await shared();
  await ana.say(groupID, 'a question');
  await bob.text('a question');
  await bob.say(groupID, 'an answer');
  const later = await Client.login(server, bob.userID);
  await unread(later, `GROUP${groupID}`, 0);
});

test('a Meeting group counts nothing as unread', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  await bob.chat.logout();
  await ana.say(groupID, 'just chatting');
  const later = await Client.login(server, bob.userID);
  const conversation = await later.conversation(`GROUP${groupID}`);
  assert.equal(conversation?.unreadCount ?? 0, 0);
});

test('messages marked as not to be counted are not', async () => {
  const groupID = await shared();
  await read(bob, `GROUP${groupID}`);
  await bob.chat.logout();
  const silent = ana.chat.createTextMessage({ to: groupID, conversationType: ana.TYPES.CONV_GROUP, payload: { text: 'silent' } });
  await ana.send(silent, { messageControlInfo: { excludedFromUnreadCount: true } });
  await ana.say(groupID, 'counted');
  const later = await Client.login(server, bob.userID);
  await unread(later, `GROUP${groupID}`, 1);
});

test('the list is complete and in the order of the newest messages', async () => {
  const peers = [...Array(30).keys()].map(() => fresh('peer'));
  await server.rest.importAccounts(...peers);
  for (const peer of peers) {
    await server.rest.ok('openim/sendmsg', { From_Account: peer, To_Account: ana.userID, MsgRandom: randomU32(), MsgBody: text(`from ${peer}`) });
  }
  const groupID = await shared();
  // The list is ordered by seconds.
  const second = Math.floor(Date.now() / 1_000);
  await ana.until('another second has begun', () => Math.floor(Date.now() / 1_000) > second);
  await ana.say(groupID, 'newest');
  const later = await Client.login(server, ana.userID);
  const { data } = await later.chat.getConversationList();
  assert.equal(data.isSyncCompleted, true);
  const ids = data.conversationList.map((conversation) => conversation.conversationID).filter((id) => id !== '@TIM#SYSTEM');
  assert.equal(ids[0], `GROUP${groupID}`);
  assert.deepEqual(new Set(ids.slice(1)), new Set(peers.map((peer) => `C2C${peer}`)), 'every conversation once');
  assert.equal(ids.length, 31);
  const times = data.conversationList.map((conversation) => conversation.lastMessage?.lastTime ?? 0);
  assert.deepEqual(times, [...times].sort((one, other) => other - one));
  for (const conversation of data.conversationList.filter(({ type }) => type === later.TYPES.CONV_C2C)) {
    assert.equal(conversation.lastMessage.payload.text, `from ${conversation.userProfile.userID}`);
    assert.equal(conversation.unreadCount, 1);
  }
});

test('nicknames and group names are shown', async () => {
  await bob.chat.updateMyProfile({ nick: 'Bob the builder', avatar: 'https://files.example.test/bob.png' });
  const groupID = await shared();
  await ana.chat.updateGroupProfile({ groupID, name: 'Builders' });
  await bob.whisper(ana.userID, 'hello');
  await ana.text('hello');
  const later = await Client.login(server, ana.userID);
  const person = await later.conversation(`C2C${bob.userID}`);
  assert.equal(person.userProfile.nick, 'Bob the builder');
  assert.equal(person.userProfile.avatar, 'https://files.example.test/bob.png');
  assert.equal((await later.conversation(`GROUP${groupID}`)).groupProfile.name, 'Builders');
});

test('a group that was left or dismissed is not listed any more', async () => {
  const [left, dismissed] = [await shared(), await shared()];
  await bob.chat.quitGroup(left);
  await ana.chat.dismissGroup(dismissed);
  const later = await Client.login(server, bob.userID);
  const { data } = await later.chat.getConversationList();
  const ids = data.conversationList.map((conversation) => conversation.conversationID);
  assert.ok(!ids.includes(`GROUP${left}`) && !ids.includes(`GROUP${dismissed}`), `listed: ${ids}`);
});
