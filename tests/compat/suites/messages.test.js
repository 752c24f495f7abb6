// Text, custom and other elements, both ways, in groups and one-to-one: same content and same id on both sides.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { randomU32, text } from '../lib/rest.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

/** Every kind of message that needs no upload. */
const KINDS = [
  { name: 'text', make: 'createTextMessage', payload: { text: 'plain words' } },
  { name: 'text beyond the BMP', make: 'createTextMessage', payload: { text: '東京 😀 🧵 \u0000 "quoted" \\ </script>' } },
  { name: 'text of 8,000 bytes', make: 'createTextMessage', payload: { text: 'é'.repeat(4_000) } },
  { name: 'custom', make: 'createCustomMessage', payload: { data: '{"n":1}', description: 'a dice', extension: 'x=1' } },
  { name: 'face', make: 'createFaceMessage', payload: { index: 7, data: 'smile' } },
  { name: 'location', make: 'createLocationMessage', payload: { description: 'the pier', longitude: 139.77, latitude: -35.66 } },
];

function assertSame(received, sent) {
  assert.equal(received.ID, sent.ID, 'id');
  assert.equal(received.time, sent.time, 'time');
  assert.equal(received.random, sent.random, 'random');
  assert.equal(received.type, sent.type, 'type');
  assert.deepEqual({ ...received.payload }, { ...sent.payload }, 'payload');
  assert.equal(received.cloudCustomData, sent.cloudCustomData, 'cloudCustomData');
  assert.equal(received.from, sent.from, 'from');
  assert.equal(received.flow, 'in', 'flow');
}

describe('in a group', () => {
  let ana;
  let bob;
  let groupID;
  beforeEach(async () => {
    [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
    ({ groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING }));
    await bob.chat.joinGroup({ groupID });
  });

  for (const kind of KINDS) {
    test(`${kind.name} in a group`, async () => {
      for (const [from, to] of [[ana, bob], [bob, ana]]) {
        const message = from.chat[kind.make]({
          to: groupID, conversationType: from.TYPES.CONV_GROUP, payload: kind.payload, cloudCustomData: `{"of":"${from.userID}"}`,
        });
        const sent = await from.send(message);
        assert.equal(sent.status, 'success');
        const received = await to.message((candidate) => candidate.ID === sent.ID);
        assertSame(received, sent);
        assert.equal(received.sequence, sent.sequence, 'sequence');
        assert.equal(received.conversationID, `GROUP${groupID}`);
      }
    });
  }

  test('the sender does not receive its own message, and the order is one for all', async () => {
    const said = [];
    for (let n = 0; n < 10; n += 1) {
      said.push(...(await Promise.all([ana.say(groupID, `ana ${n}`), bob.say(groupID, `bob ${n}`)])));
    }
    await ana.text('bob 9');
    await bob.text('ana 9');
    const sequences = said.map((message) => message.sequence).sort((one, other) => one - other);
    sequences.forEach((sequence, n) => assert.equal(sequence, sequences[0] + n, 'contiguous sequences'));
    for (const [client, peer] of [[ana, 'bob'], [bob, 'ana']]) {
      const received = client.messages().filter((message) => message.type === client.TYPES.MSG_TEXT);
      assert.deepEqual(received.map((message) => message.payload.text), [...Array(10).keys()].map((n) => `${peer} ${n}`));
    }
  });

  test('priority and cloud custom data arrive', async () => {
    const sent = await ana.say(groupID, 'a gift', { priority: ana.TYPES.MSG_PRIORITY_HIGH, cloudCustomData: 'gift=1' });
    const received = await bob.text('a gift');
    assert.equal(received.ID, sent.ID);
    assert.equal(received.priority, bob.TYPES.MSG_PRIORITY_HIGH);
    assert.equal(received.cloudCustomData, 'gift=1');
  });

  test('an online-only message arrives, takes no sequence and is not in the history', async () => {
    const message = ana.chat.createTextMessage({ to: groupID, conversationType: ana.TYPES.CONV_GROUP, payload: { text: 'typing' } });
    await ana.send(message, { onlineUserOnly: true });
    await bob.text('typing');
    const before = await ana.say(groupID, 'kept');
    const after = await ana.say(groupID, 'kept too');
    assert.equal(after.sequence, before.sequence + 1);
    const later = await Client.login(server, bob.userID);
    const { data } = await later.chat.getMessageList({ conversationID: `GROUP${groupID}` });
    const texts = data.messageList.filter((one) => one.type === later.TYPES.MSG_TEXT).map((one) => one.payload.text);
    assert.deepEqual(texts, ['kept', 'kept too']);
  });

  test('a message to one member is marked as a mention for that member', async () => {
    const message = ana.chat.createTextAtMessage({
      to: groupID, conversationType: ana.TYPES.CONV_GROUP, payload: { text: '@bob look', atUserList: [bob.userID] },
    });
    await ana.send(message);
    const received = await bob.text('@bob look');
    assert.deepEqual(received.atUserList, [bob.userID]);
    await bob.until('the conversation shows the mention', async () => {
      const conversation = await bob.conversation(`GROUP${groupID}`);
      return conversation?.groupAtInfoList.some((at) => at.from === ana.userID && at.atTypeArray.includes(bob.TYPES.CONV_AT_ME));
    });
  });

  test('a message sent over REST arrives like any other, with nickname and avatar of its sender', async () => {
    await ana.chat.updateMyProfile({ nick: 'Ana', avatar: 'https://files.example.test/ana.png' });
    const Random = randomU32();
    const { MsgSeq, MsgTime } = await server.rest.ok('group_open_http_svc/send_group_msg', {
      GroupId: groupID, From_Account: ana.userID, Random, MsgBody: text('from the backend'), CloudCustomData: 'k=1',
    });
    for (const client of [ana, bob]) {
      const received = await client.text('from the backend');
      assert.equal(received.from, ana.userID);
      assert.equal(received.sequence, MsgSeq);
      assert.equal(received.time, MsgTime);
      assert.equal(received.nick, 'Ana');
      assert.equal(received.avatar, 'https://files.example.test/ana.png');
      assert.equal(received.cloudCustomData, 'k=1');
    }
  });

  test('several elements sent over REST arrive as one message', async () => {
    await server.rest.ok('group_open_http_svc/send_group_msg', {
      GroupId: groupID, From_Account: ana.userID, Random: randomU32(),
      MsgBody: [...text('look at this'), { MsgType: 'TIMFaceElem', MsgContent: { Index: 3, Data: 'wow' } }],
    });
    const received = await bob.text('look at this');
    assert.deepEqual(received._elements.map((element) => element.type), ['TIMTextElem', 'TIMFaceElem']);
  });

  test('a system notification of the backend reaches online members as a custom notice', async () => {
    await server.rest.ok('group_open_http_svc/send_group_system_notification', { GroupId: groupID, Content: 'round 2 starts' });
    for (const client of [ana, bob]) {
      const notice = await client.notice(groupID, 255);
      assert.equal(notice.payload.userDefinedField, 'round 2 starts');
    }
  });

  test('who does not belong cannot send', async () => {
    const eve = await Client.login(server, fresh('eve'));
    await refused(10007, eve.say(groupID, 'psst'));
    await ana.say(groupID, 'after it');
    await bob.text('after it');
    assert.equal(bob.count('psst'), 0);
  });
});

describe('one-to-one', () => {
  let ana;
  let bob;
  beforeEach(async () => {
    [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  });

  for (const kind of KINDS) {
    test(`${kind.name} one-to-one`, async () => {
      for (const [from, to] of [[ana, bob], [bob, ana]]) {
        const message = from.chat[kind.make]({
          to: to.userID, conversationType: from.TYPES.CONV_C2C, payload: kind.payload, cloudCustomData: `{"of":"${from.userID}"}`,
        });
        const sent = await from.send(message);
        assert.equal(sent.status, 'success');
        const received = await to.message((candidate) => candidate.ID === sent.ID);
        assertSame(received, sent);
        assert.equal(received.conversationID, `C2C${from.userID}`);
      }
    });
  }

  test('one-to-one to a user that was imported and never logged in, who reads it at the first login', async () => {
    const cid = fresh('cid');
    await server.rest.importAccounts(cid);
    const sent = await ana.whisper(cid, 'welcome');
    const client = await Client.login(server, cid);
    const conversation = await client.conversation(`C2C${ana.userID}`);
    assert.equal(conversation.lastMessage.payload.text, 'welcome');
    assert.equal(conversation.unreadCount, 1);
    const { data } = await client.chat.getMessageList({ conversationID: `C2C${ana.userID}` });
    assert.deepEqual(data.messageList.map((message) => message.ID), [sent.ID]);
  });

  test('one-to-one to an unknown user is refused', async () => {
    await refused(20003, ana.whisper(fresh('ghost'), 'anybody?'));
  });

  test('an online-only message one-to-one arrives and is not in the history', async () => {
    const message = ana.chat.createTextMessage({ to: bob.userID, conversationType: ana.TYPES.CONV_C2C, payload: { text: 'typing' } });
    await ana.send(message, { onlineUserOnly: true });
    await bob.text('typing');
    await ana.whisper(bob.userID, 'kept');
    const later = await Client.login(server, bob.userID);
    const { data } = await later.chat.getMessageList({ conversationID: `C2C${ana.userID}` });
    assert.deepEqual(data.messageList.map((one) => one.payload.text), ['kept']);
  });

  test('a one-to-one message sent over REST arrives under the id that REST answered', async () => {
    const { MsgTime, MsgId } = await server.rest.ok('openim/sendmsg', {
      From_Account: ana.userID, To_Account: bob.userID, MsgRandom: randomU32(), MsgBody: text('from the backend'),
    });
    const received = await bob.text('from the backend');
    assert.equal(received.from, ana.userID);
    assert.equal(received.time, MsgTime);
    if (MsgId !== undefined) {
      assert.equal(received.ID, MsgId);
    }
  });
});
