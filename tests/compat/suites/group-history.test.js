// Group history: pages, what newcomers may see, jumps into the middle.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { randomU32, text } from '../lib/rest.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

/** A group of `type` into which a backend has put `count` messages of its owner. */
async function filled(ana, type, count) {
  const { groupID } = await ana.create({ type, joinOption: ana.TYPES.JOIN_OPTIONS_FREE_ACCESS });
  for (let n = 0; n < count; n += 1) {
    // Above 40 messages a second the group sheds, and says so.
    let shed;
    do {
      ({ MsgDropReason: shed } = await server.rest.ok('group_open_http_svc/send_group_msg', {
        GroupId: groupID, From_Account: ana.userID, Random: randomU32(), MsgBody: text(`message ${n}`),
      }));
    } while (shed);
  }
  return groupID;
}

/** All pages, oldest message first, as far as `type` is text. */
async function history(client, groupID) {
  const pages = [];
  let messages = [];
  let nextReqMessageID;
  for (;;) {
    const { data } = await client.chat.getMessageList({ conversationID: `GROUP${groupID}`, nextReqMessageID });
    pages.push(data.messageList.length);
    messages = [...data.messageList, ...messages];
    ({ nextReqMessageID } = data);
    if (data.isCompleted) {
      return { messages, texts: texts(messages), pages };
    }
    assert.ok(pages.length < 20, `paging ends; pages so far ${pages}`);
  }
}

function texts(messages) {
  return messages.filter((message) => message.payload.text !== undefined).map((message) => message.payload.text);
}

const numbered = (from, to) => Array.from({ length: to - from }, (_, n) => `message ${from + n}`);

test('the owner pages through everything, contiguous and in order', async () => {
  const ana = await Client.login(server, fresh('ana'));
  const groupID = await filled(ana, ana.TYPES.GRP_MEETING, 50);
  const later = await Client.login(server, ana.userID);
  const { messages, texts: seen, pages } = await history(later, groupID);
  assert.deepEqual(seen, numbered(0, 50));
  assert.ok(pages.length >= 3, `several pages: ${pages}`);
  messages.forEach((message, n) => assert.equal(message.sequence, messages[0].sequence + n, 'contiguous sequences'));
  assert.equal(messages[0].sequence, 1);
});

test('what is read later has the ids that were received live', async () => {
  const [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = [];
  for (let n = 0; n < 5; n += 1) {
    sent.push(await ana.say(groupID, `message ${n}`), await bob.say(groupID, `reply ${n}`));
  }
  await ana.text('reply 4');
  const later = await Client.login(server, bob.userID);
  const { messages } = await history(later, groupID);
  const spoken = messages.filter((message) => message.type === later.TYPES.MSG_TEXT);
  assert.deepEqual(spoken.map((message) => message.ID), sent.map((message) => message.ID));
  assert.deepEqual(spoken.map((message) => message.time), sent.map((message) => message.time));
  assert.deepEqual(spoken.map((message) => message.from), sent.map((message) => message.from));
});

for (const [type, sees] of [['GRP_MEETING', true], ['GRP_COMMUNITY', true], ['GRP_PUBLIC', false]]) {
  test(`a newcomer of ${type} ${sees ? 'sees' : 'does not see'} what was said before`, async () => {
    const [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
    const groupID = await filled(ana, ana.TYPES[type], 5);
    await bob.chat.joinGroup({ groupID });
    await ana.say(groupID, 'welcome');
    await bob.text('welcome');
    const later = await Client.login(server, bob.userID);
    const { texts: seen } = await history(later, groupID);
    assert.deepEqual(seen, sees ? [...numbered(0, 5), 'welcome'] : ['welcome']);
  });
}

test('an invited member of a Work group sees only what came after', async () => {
  const [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_WORK });
  await ana.say(groupID, 'before');
  await ana.chat.addGroupMember({ groupID, userIDList: [bob.userID] });
  await ana.say(groupID, 'after');
  await bob.text('after');
  const later = await Client.login(server, bob.userID);
  assert.deepEqual((await history(later, groupID)).texts, ['after']);
});

test('a jump to a sequence gives the messages around it, in both directions', async () => {
  const ana = await Client.login(server, fresh('ana'));
  const groupID = await filled(ana, ana.TYPES.GRP_MEETING, 40);
  const later = await Client.login(server, ana.userID);
  const all = (await history(later, groupID)).messages;
  const middle = all.find((message) => message.payload.text === 'message 20');

  const older = await later.chat.getMessageListHopping({
    conversationID: `GROUP${groupID}`, sequence: middle.sequence, direction: 0,
  });
  const before = texts(older.data.messageList);
  assert.ok(before.length > 5 && before.includes('message 19') && !before.includes('message 21'), `older: ${before}`);
  const newer = await later.chat.getMessageListHopping({
    conversationID: `GROUP${groupID}`, sequence: middle.sequence, direction: 1,
  });
  const after = texts(newer.data.messageList);
  assert.ok(after.length > 5 && after.includes('message 21') && !after.includes('message 19'), `newer: ${after}`);
});

test('who left or never belonged reads nothing', async () => {
  const [ana, bob, eve] = await Promise.all(['ana', 'bob', 'eve'].map((name) => Client.login(server, fresh(name))));
  const groupID = await filled(ana, ana.TYPES.GRP_PUBLIC, 3);
  await bob.chat.joinGroup({ groupID });
  await bob.chat.quitGroup(groupID);
  // The tab that left still holds what it has seen; a new one asks the server.
  const later = await Client.login(server, bob.userID);
  for (const client of [later, eve]) {
    await refused(10007, client.chat.getMessageList({ conversationID: `GROUP${groupID}` }));
  }
});
