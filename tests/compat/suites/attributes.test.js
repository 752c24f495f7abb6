// Group attributes: state of a live room that everybody in it sees.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Client, fresh, refused } from '../lib/client.js';
import { startSuite } from '../lib/suite.js';

const server = await startSuite();

let ana;
let bob;
let groupID;
beforeEach(async () => {
  [ana, bob] = await Promise.all([Client.login(server, fresh('ana')), Client.login(server, fresh('bob'))]);
  ({ groupID } = await ana.create({ type: ana.TYPES.GRP_AVCHATROOM }));
  for (const client of [ana, bob]) {
    await client.chat.joinGroup({ groupID, type: client.TYPES.GRP_AVCHATROOM });
  }
});

async function attributes(client, ...keyList) {
  const { data } = await client.chat.getGroupAttributes({ groupID, keyList });
  return { ...data.groupAttributes };
}

async function updated(client, expected) {
  const { groupAttributes } = await client.waitFor('GROUP_ATTRIBUTES_UPDATED', (data) => data.groupID === groupID
    && isSame(data.groupAttributes, expected));
  return groupAttributes;
}

function isSame(one, other) {
  return JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
}

test('what one side sets the other sees, as event and when asked', async () => {
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { state: 'waiting', title: 'Evening show' } });
  await updated(bob, { state: 'waiting', title: 'Evening show' });
  assert.deepEqual(await attributes(bob), { state: 'waiting', title: 'Evening show' });

  await ana.chat.setGroupAttributes({ groupID, groupAttributes: { state: 'live' } });
  await updated(bob, { state: 'live', title: 'Evening show' });

  await bob.chat.setGroupAttributes({ groupID, groupAttributes: { likes: '1' } });
  await updated(ana, { state: 'live', title: 'Evening show', likes: '1' });

  const { data } = await ana.chat.deleteGroupAttributes({ groupID, keyList: ['title'] });
  assert.deepEqual(data.keyList, ['title']);
  await updated(bob, { state: 'live', likes: '1' });
  assert.deepEqual(await attributes(bob, 'state'), { state: 'live' });

  await ana.chat.deleteGroupAttributes({ groupID, keyList: [] });
  await updated(bob, {});
  assert.deepEqual(await attributes(ana), {});
});

test('setting all replaces what was there', async () => {
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { a: '1', b: '2' } });
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { c: '3' } });
  await updated(bob, { c: '3' });
  assert.deepEqual(await attributes(bob), { c: '3' });
});

test('who comes later reads the state', async () => {
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { state: 'live' } });
  const cid = await Client.login(server, fresh('cid'));
  await cid.chat.joinGroup({ groupID, type: cid.TYPES.GRP_AVCHATROOM });
  assert.deepEqual(await attributes(cid), { state: 'live' });
});

test('what a backend sets reaches everybody', async () => {
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { state: 'live' } });
  await updated(bob, { state: 'live' });
  await server.rest.ok('group_open_http_svc/modify_group_attr', { GroupId: groupID, GroupAttr: [{ key: 'state', value: 'ended' }] });
  await updated(ana, { state: 'ended' });
  await updated(bob, { state: 'ended' });
});

test('a client that wrote over a newer state is told to read again', async () => {
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { state: 'waiting' } });
  await updated(bob, { state: 'waiting' });
  const outcomes = await Promise.allSettled([
    ana.chat.setGroupAttributes({ groupID, groupAttributes: { state: 'by ana' } }),
    bob.chat.setGroupAttributes({ groupID, groupAttributes: { state: 'by bob' } }),
  ]);
  const failed = outcomes.filter(({ status }) => status === 'rejected');
  assert.ok(failed.length <= 1, 'one of them wins');
  for (const { reason } of failed) {
    assert.equal(reason.code, 10056);
  }
  const { state } = await attributes(ana);
  assert.match(state, /^by /);
  assert.deepEqual(await attributes(bob), { state });
});

test('keys and values beyond their limits are refused and change nothing', async () => {
  await ana.chat.initGroupAttributes({ groupID, groupAttributes: { state: 'live' } });
  await refused(10045, ana.chat.setGroupAttributes({ groupID, groupAttributes: { ['k'.repeat(33)]: '1' } }));
  await refused(10046, ana.chat.setGroupAttributes({ groupID, groupAttributes: { state: 'v'.repeat(4_001) } }));
  await refused(10047, ana.chat.setGroupAttributes({
    groupID, groupAttributes: Object.fromEntries([...Array(16).keys()].map((n) => [`k${n}`, '1'])),
  }));
  assert.deepEqual(await attributes(ana), { state: 'live' });
});
