// Reactions to messages.

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

/** Waits for the event that shows `reactionID` of a message with `count` users. */
async function updated(client, messageID, reactionID, count, since = 0) {
  await client.waitFor('MESSAGE_REACTIONS_UPDATED', (data) => data.messageID === messageID
    && data.reactionList.some((reaction) => reaction.reactionID === reactionID && reaction.totalUserCount === count), { since });
}

async function reactions(client, message) {
  const { data } = await client.chat.getMessageReactions({ messageList: [message], maxUserCountPerReaction: 5 });
  const [one] = data.resultList;
  return one.reactionList.map((reaction) => [
    reaction.reactionID, reaction.totalUserCount, reaction.reactedByMyself, reaction.partialUserList.map((user) => user.userID),
  ]);
}

async function inGroup() {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const sent = await ana.say(groupID, 'like this');
  return { sent, received: await bob.text('like this') };
}

async function oneToOne() {
  const sent = await ana.whisper(bob.userID, 'like this');
  return { sent, received: await bob.text('like this') };
}

for (const [where, setUp] of [['in a group', inGroup], ['one-to-one', oneToOne]]) {
  test(`${where}: reactions are added, counted and taken back`, async () => {
    const { sent, received } = await setUp();
    await bob.chat.addMessageReaction(received, 'thumbs-up');
    await updated(ana, sent.ID, 'thumbs-up', 1);
    await ana.chat.addMessageReaction(sent, 'thumbs-up');
    await updated(bob, sent.ID, 'thumbs-up', 2);
    await ana.chat.addMessageReaction(sent, 'heart');

    const seen = await reactions(bob, received);
    assert.deepEqual(seen.map(([id, count, own]) => [id, count, own]), [['thumbs-up', 2, true], ['heart', 1, false]]);
    assert.deepEqual(new Set(seen[0][3]), new Set([ana.userID, bob.userID]));

    const since = ana.mark();
    await bob.chat.removeMessageReaction(received, 'thumbs-up');
    await updated(ana, sent.ID, 'thumbs-up', 1, since);
    await ana.chat.removeMessageReaction(sent, 'thumbs-up');
    await updated(bob, sent.ID, 'thumbs-up', 0);
    assert.deepEqual((await reactions(ana, sent)).map(([id]) => id), ['heart']);
  });
}
