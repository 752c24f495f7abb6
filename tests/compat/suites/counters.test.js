// Group counters.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let groupID;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING }));
  await bob.chat.joinGroup({ groupID });
  // A client that writes before it ever read takes what it wrote for everything there is.
  for (const client of [ana, bob]) {
    await client.chat.getGroupCounters({ groupID });
  }
});

async function counters(client, ...keyList) {
  const { data } = await client.chat.getGroupCounters({ groupID, keyList });
  return { ...data.counters };
}

async function updated(client, key, value) {
  await client.waitFor('GROUP_COUNTER_UPDATED', (data) => data.groupID === groupID && data.key === key && data.value === value);
}

test('counters are set, raised and lowered, and everybody sees it', async () => {
  await ana.chat.setGroupCounters({ groupID, counters: { likes: 5, shares: 2 } });
  await updated(bob, 'likes', 5);
  await updated(bob, 'shares', 2);
  await bob.chat.increaseGroupCounter({ groupID, key: 'likes', value: 3 });
  await updated(ana, 'likes', 8);
  await ana.chat.decreaseGroupCounter({ groupID, key: 'likes', value: 10 });
  await updated(bob, 'likes', -2);
  assert.deepEqual(await counters(bob), { likes: -2, shares: 2 });
  assert.deepEqual(await counters(ana, 'shares'), { shares: 2 });
});

test('a missing counter starts at zero', async () => {
  await ana.chat.increaseGroupCounter({ groupID, key: 'claps', value: 4 });
  await updated(bob, 'claps', 4);
  assert.deepEqual(await counters(bob), { claps: 4 });
});

test('many rises at once lose nothing', async () => {
  await Promise.all([...Array(10).keys()].map((n) => (n % 2 ? ana : bob).chat.increaseGroupCounter({ groupID, key: 'likes', value: 1 })));
  await updated(ana, 'likes', 10);
  assert.deepEqual(await counters(ana), { likes: 10 });
});

test('what a backend changes reaches everybody', async () => {
  await server.rest.ok('group_open_http_svc/update_group_counter', {
    GroupId: groupID, Mode: 'Increase', GroupCounter: [{ Key: 'likes', Value: 7 }],
  });
  await updated(ana, 'likes', 7);
  await updated(bob, 'likes', 7);
});
