// A support desk that keeps one Public group per ticket, as relays of Salesforce or Zendesk tickets do.
//
//   CHAT_URL=http://127.0.0.1:8080 CHAT_APP_ID=1400000001 CHAT_APP_KEY=... node support-desk.js

import assert from 'node:assert/strict';

import tickets from 'tls-sig-api-v2';

const { CHAT_URL, CHAT_APP_ID, CHAT_APP_KEY } = process.env;
assert.ok(CHAT_URL && CHAT_APP_ID && CHAT_APP_KEY, 'CHAT_URL, CHAT_APP_ID and CHAT_APP_KEY name the server and the app');

const ADMIN = 'administrator';
const generator = new tickets.Api(Number(CHAT_APP_ID), CHAT_APP_KEY);

/** Posts a command in the name of `identifier` and returns the answer, whatever its code. */
async function post(command, body, { identifier = ADMIN, usersig = generator.genSig(identifier, 60) } = {}) {
  const random = Math.floor(Math.random() * 0x1_0000_0000);
  const query = new URLSearchParams({ sdkappid: CHAT_APP_ID, identifier, usersig, random: String(random), contenttype: 'json' });
  const answer = await fetch(`${CHAT_URL}/v4/${command}?${query}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200, `HTTP status of ${command}`);
  return answer.json();
}

async function call(command, body) {
  const answer = await post(command, body);
  assert.equal(answer.ErrorCode, 0, `${command}: ${JSON.stringify(answer)}`);
  assert.equal(answer.ActionStatus, 'OK');
  return answer;
}

async function refused(code, command, body, caller) {
  const answer = await post(command, body, caller);
  assert.equal(answer.ErrorCode, code, `${command}: ${JSON.stringify(answer)}`);
  assert.equal(answer.ActionStatus, 'FAIL');
  assert.notEqual(answer.ErrorInfo, '', 'a refusal says why');
}

/** The desk itself: what a relay does when its ticket system calls. */
const desk = {
  async open(ticket, { customer, owner }) {
    await call('im_open_login_svc/multiaccount_import', { Accounts: [customer, ...(owner ? [owner] : [])] });
    const { GroupId } = await call('group_open_http_svc/create_group', {
      Type: 'Public',
      Name: `T ${ticket}`,
      GroupId: ticket,
      ...(owner && { Owner_Account: owner }),
      ApplyJoinOption: 'FreeAccess',
      MemberList: [{ Member_Account: customer }],
    });
    await call('group_open_http_svc/send_group_system_notification', { GroupId, Content: 'Welcome, an agent will be with you soon' });
    return GroupId;
  },
  async assign(ticket, agent) {
    await call('im_open_login_svc/account_import', { UserID: agent, Nick: `Agent ${agent}` });
    return call('group_open_http_svc/add_group_member', { GroupId: ticket, MemberList: [{ Member_Account: agent }] });
  },
  async release(ticket, agent) {
    await call('group_open_http_svc/delete_group_member', { GroupId: ticket, MemberToDel_Account: [agent], Reason: 'handed over' });
  },
  async say(ticket, sender, words) {
    return call('group_open_http_svc/send_group_msg', {
      GroupId: ticket,
      From_Account: sender,
      Random: Math.floor(Math.random() * 0x1_0000_0000),
      MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: words } }],
    });
  },
  async close(ticket) {
    await call('group_open_http_svc/destroy_group', { GroupId: ticket });
  },
};

async function info(ticket) {
  const { GroupInfo } = await call('group_open_http_svc/get_group_info', { GroupIdList: [ticket] });
  assert.equal(GroupInfo.length, 1);
  return GroupInfo[0];
}

async function roles(ticket, ...users) {
  const { UserIdList } = await call('group_open_http_svc/get_role_in_group', { GroupId: ticket, User_Account: users });
  return Object.fromEntries(UserIdList.map((item) => [item.Member_Account, item.Role]));
}

async function spoken(ticket) {
  const { RspMsgList } = await call('group_open_http_svc/group_msg_get_simple', { GroupId: ticket, ReqMsgNumber: 20 });
  return RspMsgList.filter((message) => !message.IsSystemMsg)
    .map((message) => [message.From_Account, message.MsgBody[0].MsgContent.Text])
    .reverse();
}

/** A ticket from its opening to its closing; `owner` is who owns the group, or nothing. */
async function story(ticket, owner) {
  const customer = `c-${ticket}`;
  assert.equal(await desk.open(ticket, { customer, owner }), ticket, 'the ticket id is the group id');

  const opened = await info(ticket);
  assert.equal(opened.Type, 'Public');
  assert.equal(opened.Name, `T ${ticket}`);
  assert.equal(opened.ApplyJoinOption, 'FreeAccess');
  assert.equal(opened.Owner_Account ?? '', owner ?? '');
  assert.equal(opened.MemberNum, owner ? 2 : 1);

  const added = await desk.assign(ticket, 'agent-lee');
  assert.deepEqual(added.MemberList, [{ Member_Account: 'agent-lee', Result: 1 }]);
  const again = await desk.assign(ticket, 'agent-lee');
  assert.deepEqual(again.MemberList, [{ Member_Account: 'agent-lee', Result: 2 }], 'a repeated assignment changes nothing');

  const first = await desk.say(ticket, customer, 'My parcel is lost');
  const second = await desk.say(ticket, 'agent-lee', 'I am looking for it');
  assert.equal(second.MsgSeq, first.MsgSeq + 1, 'messages are numbered one after the other');

  await desk.assign(ticket, 'agent-kim');
  await desk.release(ticket, 'agent-lee');
  assert.deepEqual(await roles(ticket, 'agent-lee', 'agent-kim', customer), {
    'agent-lee': 'NotMember', 'agent-kim': 'Member', [customer]: 'Member',
  });
  await desk.say(ticket, 'agent-kim', 'It is on its way');
  assert.deepEqual(await spoken(ticket), [
    [customer, 'My parcel is lost'],
    ['agent-lee', 'I am looking for it'],
    ['agent-kim', 'It is on its way'],
  ]);

  const joined = await call('group_open_http_svc/get_joined_group_list', { Member_Account: 'agent-kim', GroupType: 'Public' });
  assert.ok(joined.GroupIdList.some((group) => group.GroupId === ticket), 'the agent sees the ticket');

  await desk.close(ticket);
  assert.equal((await info(ticket)).ErrorCode, 10010);
  await refused(10010, 'group_open_http_svc/destroy_group', { GroupId: ticket });
  await refused(10010, 'group_open_http_svc/add_group_member', { GroupId: ticket, MemberList: [{ Member_Account: 'agent-lee' }] });
}

/** A ticket of two minutes ago that was good for one. The generator reads the clock itself. */
function expired() {
  const { now } = Date;
  Date.now = () => now() - 120_000;
  try {
    return generator.genSig(ADMIN, 60);
  } finally {
    Date.now = now;
  }
}

async function misuse() {
  const body = { Member_Account: 'agent-lee' };
  const command = 'group_open_http_svc/get_joined_group_list';
  await refused(60010, command, body, { identifier: 'agent-lee' });
  const stranger = new tickets.Api(Number(CHAT_APP_ID), `${CHAT_APP_KEY}0`);
  await refused(70009, command, body, { usersig: stranger.genSig(ADMIN, 60) });
  await refused(70001, command, body, { usersig: expired() });
  await refused(70013, command, body, { usersig: generator.genSig('agent-lee', 60) });
  await refused(10019, 'group_open_http_svc/create_group', { Type: 'Public', Name: 'x', Owner_Account: 'nobody-ever-saw-me' });
  await refused(10004, 'group_open_http_svc/create_group', { Type: 'Public' });
}

const number = Date.now();
await story(`ZENDESK#${number}`);
await story(`SALESFORCE#${number}`, 'desk-lead');
await story(`ZENDESK#${number}`);
await misuse();
console.log('support desk (Node): opened, assigned, handed over and closed three tickets; misuse was refused');
