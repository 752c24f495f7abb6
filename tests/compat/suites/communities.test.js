// Communities with topics.

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
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_COMMUNITY, isSupportTopic: true }));
  await bob.chat.joinGroup({ groupID });
});

async function topic(options = {}) {
  const { data } = await ana.chat.createTopicInCommunity({ groupID, topicName: 'General', ...options });
  return data.topicID;
}

async function topics(client, topicIDList) {
  const { data } = await client.chat.getTopicList({ groupID, topicIDList });
  return data.successTopicList;
}

test('a community with topics is listed as community, not as group', async () => {
  assert.match(groupID, /^@TGS#_/);
  const later = await Client.login(server, bob.userID);
  const groups = (await later.chat.getGroupList()).data.groupList;
  assert.ok(!groups.some((group) => group.groupID === groupID));
  const communities = (await later.chat.getJoinedCommunityList()).data.groupList;
  const community = communities.find((group) => group.groupID === groupID);
  assert.equal(community.isSupportTopic, true);
});

test('a topic is created and everybody is told', async () => {
  const given = {
    topicName: 'Cooking', avatar: 'https://files.example.test/t.png', notification: 'be kind', introduction: 'recipes', customData: '{"order":1}',
  };
  const topicID = await topic(given);
  assert.ok(topicID.startsWith(`${groupID}@TOPIC#_`), topicID);
  const created = await bob.waitFor('TOPIC_CREATED', (data) => data.topicID === topicID);
  assert.equal(created.groupID, groupID);
  const [seen] = await topics(bob, [topicID]);
  for (const [key, value] of Object.entries(given)) {
    assert.equal(seen[key], value, key);
  }
  assert.equal(seen.unreadCount, 0);
});

test('messages in a topic arrive, with one numbering per topic', async () => {
  const [first, second] = [await topic({ topicName: 'One' }), await topic({ topicName: 'Two' })];
  for (const topicID of [first, second]) {
    for (const [from, to] of [[ana, bob], [bob, ana]]) {
      const content = `${from.userID} in ${topicID}`;
      const sent = await from.say(topicID, content);
      const received = await to.text(content);
      assert.equal(received.ID, sent.ID);
      assert.equal(received.sequence, sent.sequence);
      assert.equal(received.conversationID, `GROUP${topicID}`);
    }
  }
  const [one] = await topics(bob, [first]);
  assert.equal(one.lastMessage.payload.text, `${bob.userID} in ${first}`);
  const sequences = bob.messages().filter((message) => message.type === bob.TYPES.MSG_TEXT).map((message) => message.sequence);
  assert.deepEqual(sequences, [1, 1]);
});

test('nothing is said in the community itself', async () => {
  await refused(2115, ana.say(groupID, 'to all'));
});

test('a topic counts its own unread messages, and reading clears them', async () => {
  const topicID = await topic();
  // The SDK follows the topics that it has fetched.
  await topics(bob, [topicID]);
  for (const content of ['one', 'two', 'three']) {
    await ana.say(topicID, content);
  }
  await bob.waitFor('TOPIC_UPDATED', (data) => data.topic.topicID === topicID && data.topic.unreadCount === 3);
  const later = await Client.login(server, bob.userID);
  assert.equal((await topics(later, [topicID]))[0].unreadCount, 3);
  await later.chat.setMessageRead({ conversationID: `GROUP${topicID}` });
  await later.until('the report was answered', () => later.tab.received('million_group_open_http_svc.msg_read_report').length > 0);
  const again = await Client.login(server, bob.userID);
  assert.equal((await topics(again, [topicID]))[0].unreadCount, 0);
});

test('topic history is read in pages', async () => {
  const topicID = await topic();
  for (let n = 0; n < 30; n += 1) {
    await server.rest.ok('group_open_http_svc/send_group_msg', {
      GroupId: groupID, TopicId: topicID, From_Account: ana.userID, Random: randomU32(), MsgBody: text(`message ${n}`),
    });
  }
  const later = await Client.login(server, bob.userID);
  await later.chat.getTopicList({ groupID, topicIDList: [topicID] });
  let seen = [];
  let nextReqMessageID;
  let isCompleted = false;
  while (!isCompleted) {
    const { data } = await later.chat.getMessageList({ conversationID: `GROUP${topicID}`, nextReqMessageID });
    seen = [...data.messageList.map((message) => message.payload.text), ...seen];
    ({ nextReqMessageID, isCompleted } = data);
  }
  assert.deepEqual(seen, [...Array(30).keys()].map((n) => `message ${n}`));
});

test('a changed topic profile reaches everybody', async () => {
  const topicID = await topic();
  await topics(bob, [topicID]);
  await ana.chat.updateTopicProfile({ groupID, topicID, topicName: 'Renamed', notification: 'News', customData: 'c' });
  await bob.waitFor('TOPIC_UPDATED', (data) => data.topic.topicID === topicID && data.topic.topicName === 'Renamed');
  const later = await Client.login(server, bob.userID);
  const [seen] = await topics(later, [topicID]);
  assert.equal(seen.topicName, 'Renamed');
  assert.equal(seen.notification, 'News');
  assert.equal(seen.customData, 'c');
});

test('a muted topic is closed to members', async () => {
  const topicID = await topic();
  await ana.chat.updateTopicProfile({ groupID, topicID, muteAllMembers: true });
  await refused(10017, bob.say(topicID, 'me?'));
  await ana.say(topicID, 'the owner speaks');
});

test('a recall in a topic reaches everybody', async () => {
  const topicID = await topic();
  const slip = await bob.say(topicID, 'a slip');
  await ana.text('a slip');
  await bob.chat.revokeMessage(slip);
  const revoked = await ana.waitFor('MESSAGE_REVOKED');
  assert.deepEqual(revoked.map((message) => message.ID), [slip.ID]);
});

test('deleted topics are gone for everybody', async () => {
  const [first, second] = [await topic({ topicName: 'One' }), await topic({ topicName: 'Two' })];
  const { data } = await ana.chat.deleteTopicFromCommunity({ groupID, topicIDList: [first] });
  assert.deepEqual(data.successTopicList.map((one) => one.topicID), [first]);
  const deleted = await bob.waitFor('TOPIC_DELETED', (event) => event.topicIDList.includes(first));
  assert.equal(deleted.groupID, groupID);
  const later = await Client.login(server, bob.userID);
  assert.deepEqual((await topics(later, [])).map((one) => one.topicID), [second]);
});

test('a member cannot create, change or delete topics', async () => {
  const topicID = await topic();
  await assert.rejects(bob.chat.createTopicInCommunity({ groupID, topicName: 'Mine' }));
  await assert.rejects(bob.chat.updateTopicProfile({ groupID, topicID, topicName: 'Mine' }));
  const { data } = await bob.chat.deleteTopicFromCommunity({ groupID, topicIDList: [topicID] })
    .catch(() => ({ data: { successTopicList: [] } }));
  assert.deepEqual(data.successTopicList, []);
  assert.deepEqual((await topics(ana, [])).map((one) => one.topicName), ['General']);
});

test('a topic message missed during a restart is there afterwards', async () => {
  const topicID = await topic();
  await ana.say(topicID, 'before');
  await bob.text('before');
  await server.kill();
  await server.launch();
  await server.rest.ok('group_open_http_svc/send_group_msg', {
    GroupId: groupID, TopicId: topicID, From_Account: ana.userID, Random: randomU32(), MsgBody: text('missed'),
  });
  bob.poke();
  await bob.until('the topic shows the missed message', async () => {
    const [seen] = await topics(bob, [topicID]);
    return seen.lastMessage.payload?.text === 'missed';
  }, 60_000);
});
