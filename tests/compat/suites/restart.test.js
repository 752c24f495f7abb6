// The server goes away under the clients' feet, politely and not: nothing is lost, nothing comes twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { randomU32, text } from '../lib/rest.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();
const WAYS = { SIGTERM: () => server.terminate(), 'kill -9': () => server.kill() };

async function three() {
  const clients = await Promise.all(['ana', 'bob', 'cid'].map((name) => Client.login(server, fresh(name))));
  const [ana, ...others] = clients;
  // Not through the SDK, which sends a message of its own at once: a tab that receives it while it still fetches the new
  // group keeps no messages of it, and then asks for none after a break.
  const { GroupId: groupID } = await server.rest.ok('group_open_http_svc/create_group', {
    Type: 'Public', Name: 'A group', Owner_Account: ana.userID,
    MemberList: others.map((client) => ({ Member_Account: client.userID })),
  });
  // A tab learns of such a group by the first message in it, which it may not keep; it keeps what comes after.
  await fromBackend(groupID, ana.userID, 'founded');
  await Promise.all(clients.map((client) => client.knows(groupID)));
  await ana.say(groupID, 'before');
  for (const client of clients) {
    await client.until('its list shows the message', async () => {
      const conversation = await client.conversation(`GROUP${groupID}`);
      return conversation?.lastMessage.payload?.text === 'before';
    });
    await client.settled();
  }
  return { clients, groupID };
}

async function fromBackend(groupID, sender, content) {
  await server.rest.ok('group_open_http_svc/send_group_msg', {
    GroupId: groupID, From_Account: sender, Random: randomU32(), MsgBody: text(content),
  });
}

async function mail(sender, receiver, content) {
  await server.rest.ok('openim/sendmsg', {
    From_Account: sender, To_Account: receiver, MsgRandom: randomU32(), MsgBody: text(content),
  });
}

/** The texts of the stored messages of a group from the oldest, with their sequences. */
async function stored(groupID) {
  const messages = [];
  let ReqMsgSeq;
  do {
    const { RspMsgList } = await server.rest.ok('group_open_http_svc/group_msg_get_simple', { GroupId: groupID, ReqMsgNumber: 20, ReqMsgSeq });
    messages.unshift(...RspMsgList.reverse());
    ReqMsgSeq = messages[0].MsgSeq - 1;
  } while (ReqMsgSeq > 0);
  messages.forEach((message, n) => assert.equal(message.MsgSeq, n + 1, 'contiguous sequences from 1'));
  return messages.filter((message) => Array.isArray(message.MsgBody)).map((message) => message.MsgBody[0]?.MsgContent.Text).filter(Boolean);
}

for (const [way, end] of Object.entries(WAYS)) {
  test(`${way}: sessions and groups go on without a new login by the user`, async () => {
    const { clients: [ana, bob, cid], groupID } = await three();
    await end();
    await server.launch();
    const sent = await ana.say(groupID, 'after the restart');
    for (const client of [bob, cid]) {
      const received = await client.text('after the restart');
      assert.equal(received.ID, sent.ID);
    }
    const reply = await bob.whisper(ana.userID, 'you too?');
    assert.equal((await ana.text('you too?')).ID, reply.ID);
    for (const client of [ana, bob, cid]) {
      assert.deepEqual(client.all('KICKED_OUT'), []);
      assert.equal(client.chat.isReady(), true);
      assert.equal(client.count('before'), client === ana ? 0 : 1);
    }
  });

  test(`${way}: group and one-to-one messages missed meanwhile arrive exactly once, in order`, async () => {
    const { clients: [ana, bob, cid], groupID } = await three();
    await mail(ana.userID, bob.userID, 'mail before');
    await bob.text('mail before');

    await end();
    // The clients notice the end and find nobody; the backend is back before them.
    for (const client of [ana, bob, cid]) {
      client.tab.offline();
    }
    await server.launch();
    const missed = [...Array(20).keys()].map((n) => `missed ${n}`);
    for (const content of missed) {
      await fromBackend(groupID, ana.userID, content);
    }
    const letters = ['first letter', 'second letter', 'third letter'];
    for (const letter of letters) {
      await mail(ana.userID, bob.userID, letter);
    }
    for (const client of [bob, cid]) {
      client.tab.online();
      client.poke();
    }

    for (const client of [bob, cid]) {
      await client.text(missed.at(-1));
      if (client === bob) {
        await client.text(letters.at(-1));
      }
      const marker = `marker ${client.userID}`;
      await fromBackend(groupID, ana.userID, marker);
      await client.text(marker);
      const received = client.messages().filter((message) => message.payload?.text?.startsWith('missed')).map((message) => message.payload.text);
      assert.deepEqual(received, missed);
    }
    const received = bob.messages().filter((message) => message.payload?.text?.endsWith('letter')).map((message) => message.payload.text);
    assert.deepEqual(received, letters);
    assert.equal(bob.count('mail before'), 1);
    assert.deepEqual(bob.all('KICKED_OUT'), []);
  });

  test(`${way}: a send that was pending is stored once`, async () => {
    const { clients: [ana, bob], groupID } = await three();
    // Some sends are answered, some are on the way, and some are made while nobody is there.
    const sends = [];
    for (let n = 0; n < 10; n += 1) {
      sends.push(ana.say(groupID, `group ${n}`).then(() => `group ${n}`, () => null));
      sends.push(ana.whisper(bob.userID, `mail ${n}`).then(() => `mail ${n}`, () => null));
    }
    const ended = end();
    sends.push(ana.say(groupID, 'into the void').then(() => 'into the void', () => null));
    await ended;
    await server.launch();
    ana.poke();
    const acknowledged = (await Promise.all(sends)).filter(Boolean);
    assert.ok(acknowledged.length > 0, 'some sends were acknowledged');

    await ana.say(groupID, 'last');
    await ana.whisper(bob.userID, 'last mail');
    await bob.text('last');
    await bob.text('last mail');

    const inGroup = (await stored(groupID)).filter((content) => content !== 'before');
    assert.equal(new Set(inGroup).size, inGroup.length, `stored once each: ${inGroup}`);
    const { MsgList } = await server.rest.ok('openim/admin_getroammsg', {
      Operator_Account: bob.userID, Peer_Account: ana.userID, MaxCnt: 100, MinTime: 0, MaxTime: Math.floor(Date.now() / 1000) + 10,
    });
    const letters = MsgList.map((message) => message.MsgBody[0].MsgContent.Text);
    assert.equal(new Set(letters).size, letters.length, `stored once each: ${letters}`);
    for (const content of acknowledged) {
      const kept = content.startsWith('mail') ? letters : inGroup;
      assert.ok(kept.includes(content), `acknowledged "${content}" is stored`);
      assert.equal(bob.count(content), 1, `"${content}" was received once`);
    }
  });
}

test('an answer that was lost: the repeated send is answered with the first result', async () => {
  const { clients: [ana, bob], groupID } = await three();
  const request = ana.tab.sent('group_open_http_svc.send_group_msg').length;
  const sending = ana.say(groupID, 'once only');
  await ana.until('the request is on its way', () => ana.tab.sent('group_open_http_svc.send_group_msg').length > request);
  ana.tab.cutAfterFlush();
  const sent = await sending;
  await bob.text('once only');
  await ana.say(groupID, 'the end');
  await bob.text('the end');
  assert.equal(bob.count('once only'), 1);
  assert.equal((await bob.text('once only')).ID, sent.ID);
  assert.equal((await stored(groupID)).filter((content) => content === 'once only').length, 1);
});

test('a live room goes on after a restart without joining again', async () => {
  const [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM });
  for (const client of [ana, bob]) {
    await client.chat.joinGroup({ groupID, type: client.TYPES.GRP_AVCHATROOM });
  }
  await ana.say(groupID, 'before');
  await bob.text('before');
  await bob.settled();
  await server.terminate();
  await server.launch();
  bob.poke();
  await bob.until('it has logged in again', () => bob.tab.received('im_open_status.wslogin').length >= 2);
  await ana.say(groupID, 'after');
  await bob.text('after');
});

test('notices and recalls that happened meanwhile are learned', async () => {
  const { clients: [ana, bob, cid], groupID } = await three();
  const slip = await ana.say(groupID, 'a slip');
  await bob.text('a slip');
  bob.tab.offline();
  await ana.chat.revokeMessage(slip);
  const { groupID: other } = await ana.create({ type: ana.TYPES.GRP_WORK });
  await ana.chat.addGroupMember({ groupID: other, userIDList: [bob.userID] });
  await cid.waitFor('MESSAGE_REVOKED');
  bob.tab.online();
  bob.poke();
  await bob.notice(other, 7);
  const revoked = await bob.waitFor('MESSAGE_REVOKED');
  assert.deepEqual(revoked.map((message) => message.ID), [slip.ID]);
  await ana.say(other, 'welcome back');
  await bob.text('welcome back');
});

test('after a kill at any time the server stops cleanly at SIGTERM', async () => {
  await server.kill();
  await server.launch();
  assert.deepEqual(await server.terminate(), { code: 0, signal: null });
  await server.launch();
});
