// What a user does with its conversations: pin, mark, group, delete, clear, read all, silence.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let conversationID;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  await ana.whisper(bob.userID, 'first');
  await bob.text('first');
  conversationID = `C2C${ana.userID}`;
});

/** A Public group of both in which ana said something. */
async function shared() {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_PUBLIC, memberList: [{ userID: bob.userID }] });
  await ana.say(groupID, `hello ${groupID}`);
  await bob.text(`hello ${groupID}`);
  return groupID;
}

/** The conversation as a new login of bob shows it. */
async function later(id = conversationID) {
  const client = await Client.login(server, bob.userID);
  return { client, conversation: await client.conversation(id) };
}

test('a pinned conversation is first, and stays so', async () => {
  const groupID = await shared();
  await bob.chat.pinConversation({ conversationID, isPinned: true });
  const { client, conversation } = await later();
  assert.equal(conversation.isPinned, true);
  const { data } = await client.chat.getConversationList();
  assert.deepEqual(data.conversationList.slice(0, 2).map((one) => one.conversationID), [conversationID, `GROUP${groupID}`]);
  await client.chat.pinConversation({ conversationID, isPinned: false });
  assert.equal((await later()).conversation.isPinned, false);
});

test('marks are set and cleared', async () => {
  const { CONV_MARK_TYPE_STAR, CONV_MARK_TYPE_FOLD } = bob.TYPES;
  for (const markType of [CONV_MARK_TYPE_STAR, CONV_MARK_TYPE_FOLD]) {
    const { data } = await bob.chat.markConversation({ conversationIDList: [conversationID], markType, enableMark: true });
    assert.deepEqual(data.successConversationIDList, [conversationID]);
  }
  const { client, conversation } = await later();
  assert.deepEqual(new Set(conversation.markList), new Set([CONV_MARK_TYPE_STAR, CONV_MARK_TYPE_FOLD]));
  const starred = await client.chat.getConversationList({ markType: CONV_MARK_TYPE_STAR });
  assert.deepEqual(starred.data.conversationList.map((one) => one.conversationID), [conversationID]);
  await client.chat.markConversation({ conversationIDList: [conversationID], markType: CONV_MARK_TYPE_STAR, enableMark: false });
  assert.deepEqual((await later()).conversation.markList, [CONV_MARK_TYPE_FOLD]);
});

test('custom data is kept', async () => {
  await bob.chat.setConversationCustomData({ conversationIDList: [conversationID], customData: '{"colour":"blue"}' });
  assert.equal((await later()).conversation.customData, '{"colour":"blue"}');
});

test('conversation groups are made, filled, renamed and deleted', async () => {
  const groupID = await shared();
  await bob.chat.createConversationGroup({ conversationIDList: [conversationID], groupName: 'Work' });
  await bob.chat.addConversationsToGroup({ conversationIDList: [`GROUP${groupID}`], groupName: 'Work' });
  const { client, conversation } = await later();
  assert.deepEqual(conversation.conversationGroupList, ['Work']);
  assert.deepEqual((await client.chat.getConversationGroupList()).data.groupList ?? (await client.chat.getConversationGroupList()).data, ['Work']);
  await client.chat.renameConversationGroup({ oldName: 'Work', newName: 'Office' });
  await client.chat.deleteConversationsFromGroup({ conversationIDList: [conversationID], groupName: 'Office' });
  const second = await later();
  assert.deepEqual(second.conversation.conversationGroupList, []);
  assert.deepEqual((await second.client.conversation(`GROUP${groupID}`)).conversationGroupList, ['Office']);
  await second.client.chat.deleteConversationGroup('Office');
  assert.deepEqual((await later(`GROUP${groupID}`)).conversation.conversationGroupList, []);
});

test('a deleted conversation is gone with its history, and comes back with the next message', async () => {
  await bob.chat.deleteConversation(conversationID);
  assert.equal(await bob.conversation(conversationID), undefined);
  const { client, conversation } = await later();
  assert.equal(conversation, undefined);
  await ana.whisper(bob.userID, 'second');
  await client.text('second');
  const { data } = await client.chat.getMessageList({ conversationID });
  assert.deepEqual(data.messageList.map((message) => message.payload.text), ['second']);
  const own = await ana.chat.getMessageList({ conversationID: `C2C${bob.userID}` });
  assert.deepEqual(own.data.messageList.map((message) => message.payload.text), ['first', 'second']);
});

test('several conversations are deleted in one call, histories kept if asked', async () => {
  const groupID = await shared();
  const { data } = await bob.chat.deleteConversation({ conversationIDList: [conversationID, `GROUP${groupID}`], clearHistoryMessage: false });
  assert.deepEqual(new Set(data.conversationIDList), new Set([conversationID, `GROUP${groupID}`]));
  const { client } = await later();
  const list = (await client.chat.getConversationList()).data.conversationList.map((one) => one.conversationID);
  assert.ok(!list.includes(conversationID) && !list.includes(`GROUP${groupID}`), `listed: ${list}`);
  const history = await client.chat.getMessageList({ conversationID });
  assert.deepEqual(history.data.messageList.map((message) => message.payload.text), ['first']);
});

test('a cleared history is gone for the one who cleared it', async () => {
  const groupID = await shared();
  await bob.chat.clearHistoryMessage(conversationID);
  await bob.chat.clearHistoryMessage(`GROUP${groupID}`);
  const { client } = await later();
  for (const id of [conversationID, `GROUP${groupID}`]) {
    const { data } = await client.chat.getMessageList({ conversationID: id });
    assert.deepEqual(data.messageList, [], id);
  }
  const own = await ana.chat.getMessageList({ conversationID: `C2C${bob.userID}` });
  assert.equal(own.data.messageList.length, 1);
});

test('everything is read in one call', async () => {
  const groupID = await shared();
  const scopes = [
    [bob.TYPES.READ_ALL_C2C_MSG, conversationID],
    [bob.TYPES.READ_ALL_GROUP_MSG, `GROUP${groupID}`],
  ];
  for (const [scope, id] of scopes) {
    assert.notEqual((await bob.conversation(id)).unreadCount, 0);
    await bob.until('the call is let through', () => bob.chat.setAllMessageRead({ scope }));
    assert.equal((await bob.conversation(id)).unreadCount, 0);
  }
  const { client } = await later();
  assert.equal(client.chat.getTotalUnreadMessageCount(), 0);
});

test('a silenced conversation shows it', async () => {
  await bob.chat.setMessageRemindType({ userIDList: [ana.userID], messageRemindType: bob.TYPES.MSG_REMIND_ACPT_NOT_NOTE });
  const { conversation } = await later();
  assert.equal(conversation.messageRemindType, bob.TYPES.MSG_REMIND_ACPT_NOT_NOTE);
});

test('do-not-disturb for everything is kept', async () => {
  await bob.chat.setAllReceiveMessageOpt({
    messageRemindType: bob.TYPES.MSG_REMIND_ACPT_NOT_NOTE, startHour: 22, startMinute: 0, startSecond: 0, duration: 3600, isRepeated: true,
  });
  const { client } = await later();
  const { data } = await client.chat.getAllReceiveMessageOpt();
  assert.equal(data.messageRemindType, client.TYPES.MSG_REMIND_ACPT_NOT_NOTE);
});

test('a message deleted by one side stays for the other', async () => {
  await ana.whisper(bob.userID, 'second');
  await bob.chat.deleteMessage([await bob.text('second')]);
  const expected = [[bob.userID, ana.userID, ['first']], [ana.userID, bob.userID, ['first', 'second']]];
  for (const [userID, peer, texts] of expected) {
    const client = await Client.login(server, userID);
    const { data } = await client.chat.getMessageList({ conversationID: `C2C${peer}` });
    assert.deepEqual(data.messageList.map((message) => message.payload.text), texts, userID);
  }
});
