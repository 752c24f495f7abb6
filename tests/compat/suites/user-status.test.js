// Presence and custom status.

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

async function status(client, ...userIDList) {
  const { data } = await client.chat.getUserStatus({ userIDList });
  return Object.fromEntries(data.successUserList.map((user) => [user.userID, [user.statusType, user.customStatus]]));
}

async function changed(client, userID, statusType, customStatus = '') {
  await client.waitFor('USER_STATUS_UPDATED', (list) => list.some((user) => user.userID === userID
    && user.statusType === statusType && user.customStatus === customStatus));
}

test('who is connected is online, who left is offline, who never came is neither', async () => {
  const { USER_STATUS_ONLINE, USER_STATUS_OFFLINE, USER_STATUS_UNLOGINED } = ana.TYPES;
  const never = fresh('never');
  await server.rest.importAccounts(never);
  assert.deepEqual(await status(ana, bob.userID, never), {
    [bob.userID]: [USER_STATUS_ONLINE, ''], [never]: [USER_STATUS_UNLOGINED, ''],
  });
  await bob.chat.logout();
  assert.deepEqual(await status(ana, bob.userID), { [bob.userID]: [USER_STATUS_OFFLINE, ''] });
});

test('a custom status is kept and shown', async () => {
  await bob.chat.setSelfStatus({ customStatus: 'at lunch 🍜' });
  assert.deepEqual(await status(ana, bob.userID), { [bob.userID]: [ana.TYPES.USER_STATUS_ONLINE, 'at lunch 🍜'] });
  assert.deepEqual(await status(bob, bob.userID), { [bob.userID]: [ana.TYPES.USER_STATUS_ONLINE, 'at lunch 🍜'] });
});

test('a subscriber is told of every change, until it unsubscribes', async () => {
  const { USER_STATUS_ONLINE, USER_STATUS_OFFLINE } = ana.TYPES;
  await ana.chat.subscribeUserStatus({ userIDList: [bob.userID] });
  await bob.chat.setSelfStatus({ customStatus: 'busy' });
  await changed(ana, bob.userID, USER_STATUS_ONLINE, 'busy');
  await bob.chat.logout();
  await ana.waitFor('USER_STATUS_UPDATED', (list) => list.some((user) => user.userID === bob.userID
    && user.statusType === USER_STATUS_OFFLINE));
  const left = ana.mark();
  const again = await Client.login(server, bob.userID);
  await ana.waitFor('USER_STATUS_UPDATED', (list) => list.some((user) => user.userID === bob.userID
    && user.statusType === USER_STATUS_ONLINE), { since: left });

  await ana.chat.unsubscribeUserStatus({ userIDList: [bob.userID] });
  const since = ana.mark();
  await again.chat.setSelfStatus({ customStatus: 'away' });
  await again.whisper(ana.userID, 'changed');
  await ana.text('changed');
  assert.deepEqual(ana.all('USER_STATUS_UPDATED', since), []);
});
