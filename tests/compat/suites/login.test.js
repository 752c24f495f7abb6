// Login, readiness, logout, being kicked, expiry of the ticket.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import tickets from 'tls-sig-api-v2';

import { Client, fresh, refused } from '../lib/client.js';
import { text } from '../lib/rest.js';
import { startSuite, tolerate } from '../lib/suite.js';

const server = await startSuite();
// What a tab still asks when its session has ended.
tolerate(70001);

/** Whether REST calls the account online. */
async function isOnline(userID) {
  const { QueryResult } = await server.rest.ok('openim/query_online_status', { To_Account: [userID] });
  return QueryResult[0].Status === 'Online';
}

test('a first login with a valid ticket creates the account and makes the SDK ready', async () => {
  const userID = fresh('ana');
  const check = async () => (await server.rest.ok('im_open_login_svc/account_check', { CheckItem: [{ UserID: userID }] }))
    .ResultItem[0].AccountStatus;
  assert.equal(await check(), 'NotImported');

  const ana = new Client(server, userID);
  assert.equal(ana.chat.isReady(), false, 'not ready before the login');
  const answer = await ana.login();

  assert.equal(answer.code, 0);
  assert.equal(ana.chat.isReady(), true);
  assert.equal(ana.chat.getLoginUser(), userID);
  assert.equal(await check(), 'Imported');
  assert.equal(await isOnline(userID), true);
  assert.deepEqual(ana.all('ERROR'), [], 'no error event');
  assert.deepEqual(ana.all('KICKED_OUT'), []);
});

test('the whole login sequence is answered with success', async () => {
  const ana = await Client.login(server, fresh('ana'));
  await ana.until('the feature bits were asked for', () => ana.tab.received('im_sdk_config_mgr.fetch_imsdk_purchase_bitsv2').length > 0);
  const refusals = ana.tab.frames
    .filter((frame) => frame.direction === '<' && (frame.body?.ErrorCode ?? frame.body?.int32_error_code) !== 0)
    .map((frame) => [frame.head.servcmd, frame.body]);
  assert.deepEqual(refusals, []);
  const asked = new Set(ana.tab.frames.filter((frame) => frame.direction === '>').map((frame) => frame.head.servcmd));
  for (const command of [
    'im_open_status.wslogin', 'heartbeat.alive', 'profile.portrait_get_all', 'sns.black_list_get', 'recentcontact.page_get',
    'group_open_http_svc.get_joined_group_list', 'openim.getmsg', 'sns.friend_get', 'im_sdk_config_mgr.fetch_config',
  ]) {
    assert.ok(asked.has(command), `the SDK asked ${command}`);
  }
  assert.ok(ana.tab.frames.length < 100, `the login settles, ${ana.tab.frames.length} frames so far`);
});

test('login works over text frames, beside a client with binary frames', async () => {
  const ana = await Client.login(server, fresh('ana'), { devMode: true });
  const bob = await Client.login(server, fresh('bob'));
  const content = 'déjà vu 東京 😀🧵';
  const sent = await ana.whisper(bob.userID, content);
  assert.equal((await bob.text(content)).ID, sent.ID);
  const reply = await bob.whisper(ana.userID, `${content}!`);
  assert.equal((await ana.text(`${content}!`)).ID, reply.ID);
  assert.ok(ana.tab.frames.every((frame) => !frame.isBinary), 'only text frames on /info');
  assert.ok(bob.tab.frames.every((frame) => frame.isBinary), 'only binary frames on /binfo');
});

test('bad tickets are refused with their code, and a good one then works in the same tab', async () => {
  const ana = new Client(server, fresh('ana'));
  const bad = {
    70013: server.ticket(fresh('somebody else')),
    70014: new tickets.Api(server.appId + 1, server.key).genSig(ana.userID, 3600),
    70009: new tickets.Api(server.appId, `${server.key.slice(1)}1`).genSig(ana.userID, 3600),
    70003: 'not-a-ticket',
  };
  for (const [code, ticket] of Object.entries(bad)) {
    await refused(Number(code), ana.chat.login({ userID: ana.userID, userSig: ticket }));
    assert.equal(ana.chat.isReady(), false);
  }
  await ana.login();
  assert.equal(ana.chat.isReady(), true);
});

test('an expired ticket is refused with 70001', async () => {
  const ana = new Client(server, fresh('ana'));
  await refused(70001, ana.chat.login({ userID: ana.userID, userSig: server.ticket(ana.userID, 60, 120) }));
  assert.equal(ana.chat.isReady(), false);
});

test('after logout nothing arrives, and another user can log in on the same socket', async () => {
  const ana = await Client.login(server, fresh('ana'));
  const connections = ana.tab.connections;
  await ana.chat.logout();
  assert.equal(ana.chat.isReady(), false);
  assert.equal(await isOnline(ana.userID), false);
  const first = ana.userID;

  ana.userID = fresh('bob');
  const since = ana.mark();
  await ana.login();
  assert.equal(ana.chat.getLoginUser(), ana.userID);
  assert.equal(ana.tab.connections, connections, 'no new connection');

  await server.rest.ok('openim/sendmsg', { From_Account: 'administrator', To_Account: first, MsgRandom: 1, MsgBody: text('for the first') });
  await server.rest.ok('openim/sendmsg', { From_Account: 'administrator', To_Account: ana.userID, MsgRandom: 2, MsgBody: text('for the second') });
  await ana.text('for the second', { since });
  assert.equal(ana.count('for the first'), 0);
});

test('a second tab of the same user kicks the first one and stays online itself', async () => {
  const userID = fresh('ana');
  const first = await Client.login(server, userID);
  const second = await Client.login(server, userID);

  const kicked = await first.waitFor('KICKED_OUT');
  assert.equal(kicked.type, first.TYPES.KICKED_OUT_MULT_ACCOUNT);
  assert.equal(first.chat.isReady(), false);
  await first.until('it has logged out', () => first.tab.received('im_open_status.wslogout').length > 0);

  assert.equal(await isOnline(userID), true, 'the logout of the kicked tab does not log the new one out');
  const bob = await Client.login(server, fresh('bob'));
  await bob.whisper(userID, 'still there?');
  await second.text('still there?');
  assert.equal(first.count('still there?'), 0);
  assert.deepEqual(second.all('KICKED_OUT'), []);
});

test('a tab that was away learns that it was replaced', async () => {
  const userID = fresh('ana');
  const first = await Client.login(server, userID);
  await first.settled();
  first.tab.offline();
  const second = await Client.login(server, userID);
  first.tab.online();
  first.poke();
  const kicked = await first.waitFor('KICKED_OUT');
  assert.equal(kicked.type, first.TYPES.KICKED_OUT_MULT_ACCOUNT);
  assert.deepEqual(second.all('KICKED_OUT'), []);
});

test('a REST kick logs every device off; a new ticket works, the old one does not', async () => {
  const userID = fresh('ana');
  const old = server.ticket(userID);
  const ana = new Client(server, userID);
  await ana.login(old);
  // Tickets of the very second of the kick stay valid, so let one second pass.
  const issued = Math.floor(Date.now() / 1000);
  await ana.until('the ticket is a second old', () => Math.floor(Date.now() / 1000) > issued);

  await server.rest.ok('im_open_login_svc/kick', { UserID: userID });
  const kicked = await ana.waitFor('KICKED_OUT');
  assert.equal(kicked.type, ana.TYPES.KICKED_OUT_REST_API);
  assert.equal(ana.chat.isReady(), false);
  assert.equal(await isOnline(userID), false);

  const again = new Client(server, userID);
  await refused(70001, again.chat.login({ userID, userSig: old }));
  const newer = await Client.login(server, userID);
  assert.equal(newer.chat.isReady(), true);
});

test('when the ticket has run out, the session ends with userSigExpired at the latest at the next reconnect', async () => {
  const ana = new Client(server, fresh('ana'));
  await ana.login(server.ticket(ana.userID, 10));
  assert.equal(ana.chat.isReady(), true);
  const issued = Date.now();
  await ana.until('the ticket has run out', () => Date.now() > issued + 12_000);
  ana.tab.cut();
  ana.poke();
  const kicked = await ana.waitFor('KICKED_OUT');
  assert.equal(kicked.type, ana.TYPES.KICKED_OUT_USERSIG_EXPIRED);

  const since = ana.mark();
  await ana.login();
  assert.equal(ana.chat.isReady(), true, 'a new ticket logs in again');
  assert.deepEqual(ana.all('KICKED_OUT', since), []);
});

test('a reconnect of the same tab is not a second login', async () => {
  const ana = await Client.login(server, fresh('ana'));
  const bob = await Client.login(server, fresh('bob'));
  await ana.settled();
  const logins = ana.tab.received('im_open_status.wslogin').length;
  ana.tab.cut();
  await ana.until('it has logged in again', () => ana.tab.received('im_open_status.wslogin').length > logins);
  await bob.whisper(ana.userID, 'welcome back');
  await ana.text('welcome back');
  assert.deepEqual(ana.all('KICKED_OUT'), []);
  assert.equal(ana.tab.connections, 2);
});
