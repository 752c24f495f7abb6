// Calls and other invitations, which the SDK builds from ordinary custom messages.

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

/** The next signal of one kind; ask before it is sent. */
function signal(client, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new assert.AssertionError({ message: `${client.userID} waited for ${name}` })), 90_000);
    client.chat.addSignalingListener(client.TSignaling[name], (event) => {
      clearTimeout(timer);
      resolve(event.data);
    });
  });
}

test('an invitation is accepted', async () => {
  const invited = signal(bob, 'NEW_INVITATION_RECEIVED');
  const accepted = signal(ana, 'INVITEE_ACCEPTED');
  const { inviteID } = await ana.chat.invite({ userID: bob.userID, data: 'call', timeout: 30 });
  const invitation = await invited;
  assert.equal(invitation.inviteID, inviteID);
  assert.equal(invitation.inviter, ana.userID);
  assert.equal(invitation.data, 'call');
  await bob.chat.accept({ inviteID: invitation.inviteID, data: 'coming' });
  const answer = await accepted;
  assert.equal(answer.inviteID, inviteID);
  assert.equal(answer.data, 'coming');
});

test('an invitation is refused, another is cancelled', async () => {
  const invited = signal(bob, 'NEW_INVITATION_RECEIVED');
  const rejected = signal(ana, 'INVITEE_REJECTED');
  await ana.chat.invite({ userID: bob.userID, data: 'call', timeout: 30 });
  await bob.chat.reject({ inviteID: (await invited).inviteID, data: 'busy' });
  assert.equal((await rejected).invitee, bob.userID);

  const cancelled = signal(bob, 'INVITATION_CANCELLED');
  const second = await ana.chat.invite({ userID: bob.userID, data: 'again', timeout: 30 });
  await ana.chat.cancel({ inviteID: second.inviteID });
  assert.equal((await cancelled).inviteID, second.inviteID);
});

test('an invitation in a group reaches those who are named', async () => {
  const { groupID } = await ana.create({ type: ana.TYPES.GRP_MEETING });
  await bob.chat.joinGroup({ groupID });
  const invited = signal(bob, 'NEW_INVITATION_RECEIVED');
  await ana.chat.inviteInGroup({ groupID, inviteeList: [bob.userID], data: 'group call', timeout: 30 });
  const invitation = await invited;
  assert.equal(invitation.groupID, groupID);
  assert.deepEqual(invitation.inviteeList, [bob.userID]);
});
