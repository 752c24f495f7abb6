// The block list.

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

async function blocks(client, ...expected) {
  await client.until(`it blocks ${expected}`, async () => String((await client.chat.getBlacklist()).data) === String(expected));
}

test('blocking and unblocking is told at once and kept', async () => {
  const { data } = await ana.chat.addToBlacklist({ userIDList: [bob.userID] });
  assert.deepEqual(data, [bob.userID]);
  await blocks(ana, bob.userID);
  await ana.waitFor('BLACKLIST_UPDATED', (list) => list.includes(bob.userID));
  const later = await Client.login(server, ana.userID);
  await blocks(later, bob.userID);
  await later.chat.removeFromBlacklist({ userIDList: [bob.userID] });
  await blocks(later);
  await blocks(await Client.login(server, ana.userID));
});

test('messages of a blocked user do not arrive, and the sender is not told', async () => {
  await ana.chat.addToBlacklist({ userIDList: [bob.userID] });
  await blocks(ana, bob.userID);
  await bob.whisper(ana.userID, 'hello?');
  await ana.chat.removeFromBlacklist({ userIDList: [bob.userID] });
  await bob.whisper(ana.userID, 'and now?');
  await ana.text('and now?');
  assert.equal(ana.count('hello?'), 0);
  const later = await Client.login(server, ana.userID);
  const { data } = await later.chat.getMessageList({ conversationID: `C2C${bob.userID}` });
  assert.deepEqual(data.messageList.map((message) => message.payload.text), ['and now?']);
});

test('who blocks somebody still writes to them', async () => {
  await ana.chat.addToBlacklist({ userIDList: [bob.userID] });
  await ana.whisper(bob.userID, 'one-way');
  await bob.text('one-way');
});
