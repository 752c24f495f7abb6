// Key-value extensions of messages.

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

async function inGroup() {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = await ana.say(groupID, 'vote', { isSupportExtension: true });
  return { sent, received: await bob.text('vote') };
}

async function oneToOne() {
  const sent = await ana.whisper(bob.userID, 'vote', { isSupportExtension: true });
  return { sent, received: await bob.text('vote') };
}

async function extensions(client, message) {
  const { data } = await client.chat.getMessageExtensions(message);
  return Object.fromEntries(data.extensions.map(({ key, value }) => [key, value]));
}

for (const [where, setUp] of [['in a group', inGroup], ['one-to-one', oneToOne]]) {
  test(`${where}: extensions are set, read, changed and deleted, and the other side is told`, async () => {
    const { sent, received } = await setUp();
    assert.equal(received.isSupportExtension, true);
    await ana.chat.setMessageExtensions(sent, [{ key: 'yes', value: '1' }, { key: 'no', value: '0' }]);
    const updated = await bob.waitFor('MESSAGE_EXTENSIONS_UPDATED', (data) => data.messageID === sent.ID);
    assert.deepEqual(Object.fromEntries(updated.extensions.map(({ key, value }) => [key, value])), { yes: '1', no: '0' });

    assert.deepEqual(await extensions(bob, received), { yes: '1', no: '0' });
    await bob.chat.setMessageExtensions(received, [{ key: 'yes', value: '2' }]);
    await ana.waitFor('MESSAGE_EXTENSIONS_UPDATED', (data) => data.messageID === sent.ID
      && data.extensions.some(({ key, value }) => key === 'yes' && value === '2'));

    await ana.chat.deleteMessageExtensions(sent, ['no']);
    const deleted = await bob.waitFor('MESSAGE_EXTENSIONS_DELETED', (data) => data.messageID === sent.ID);
    assert.deepEqual(deleted.keyList, ['no']);
    assert.deepEqual(await extensions(ana, sent), { yes: '2' });

    await ana.chat.deleteMessageExtensions(sent);
    assert.deepEqual(await extensions(bob, received), {});
  });

  test(`${where}: of two who set one key from the same state, the second gets the conflict`, async () => {
    const { sent, received } = await setUp();
    await ana.chat.setMessageExtensions(sent, [{ key: 'winner', value: 'ana' }]);
    const later = await Client.login(server, bob.userID);
    const { data } = await later.chat.getMessageList({ conversationID: received.conversationID });
    const message = data.messageList.find((one) => one.ID === sent.ID);
    const outcome = await later.chat.setMessageExtensions(message, [{ key: 'winner', value: 'bob' }]);
    const [result] = outcome.data.extensions;
    assert.equal(result.key, 'winner');
    assert.notEqual(result.code, 0, 'the key is known in a newer version');
    assert.deepEqual(await extensions(ana, sent), { winner: 'ana' });
  });
}
