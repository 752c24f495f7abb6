// The SDK in a real browser: a page on another origin loads the vendor's file, logs in, and two pages talk.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { fresh } from '../lib/client.js';
import { SDK_FILE, SDK_VERSION } from '../lib/sdk.js';
import { startSuite } from '../lib/suite.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PAGE = '<!doctype html><meta charset="utf-8"><title>judge</title><script src="/sdk.js"></script>';

const server = await startSuite();
let site;
let browser;

before(async () => {
  assert.ok(existsSync(CHROMIUM), `a Chromium at ${CHROMIUM} (Debian: apt-get install chromium), or CHROMIUM naming another`);
  site = http.createServer((request, response) => {
    const isFile = request.url === '/sdk.js';
    response.setHeader('content-type', isFile ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
    response.end(isFile ? readFileSync(SDK_FILE) : PAGE);
  });
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** Opens a page, logs `userID` in there and gives the page. Requests and errors of the page are recorded. */
async function open(userID) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.requested = [];
  page.errors = [];
  page.on('request', (request) => page.requested.push(request.url()));
  page.on('websocket', (socket) => page.requested.push(socket.url()));
  page.on('pageerror', (error) => page.errors.push(String(error)));
  // "localhost" and "127.0.0.1" are different origins, as a shop and its chat server are.
  await page.goto(`http://localhost:${site.address().port}/`);
  await page.evaluate(async ({ appId, url, user, ticket }) => {
    const { TencentCloudChat } = window;
    window.received = [];
    window.chat = TencentCloudChat.create({ SDKAppID: appId, proxyServer: url });
    window.chat.setLogLevel(1);
    window.chat.on(TencentCloudChat.EVENT.MESSAGE_RECEIVED, ({ data }) => {
      window.received.push(...data.map((message) => ({ ID: message.ID, from: message.from, text: message.payload.text })));
    });
    const ready = new Promise((resolve) => window.chat.on(TencentCloudChat.EVENT.SDK_READY, resolve));
    await window.chat.login({ userID: user, userSig: ticket });
    await ready;
  }, { appId: server.appId, url: server.socketUrl, user: userID, ticket: server.ticket(userID) });
  return page;
}

function say(page, to, type, content) {
  return page.evaluate(async ([receiver, kind, words]) => {
    const { CONV_GROUP, CONV_C2C } = window.TencentCloudChat.TYPES;
    const message = window.chat.createTextMessage({
      to: receiver, conversationType: kind === 'group' ? CONV_GROUP : CONV_C2C, payload: { text: words },
    });
    const { data } = await window.chat.sendMessage(message);
    return data.message.ID;
  }, [to, type, content]);
}

async function hear(page, content) {
  await page.waitForFunction((words) => window.received.some((message) => message.text === words), content, { timeout: 15_000 });
  const heard = await page.evaluate((words) => window.received.filter((message) => message.text === words), content);
  assert.equal(heard.length, 1, `"${content}" was received once`);
  return heard[0];
}

test('two pages log in, create and join a group, and talk in it and one-to-one', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const [anaPage, bobPage] = [await open(ana), await open(bob)];
  assert.equal(await anaPage.evaluate(() => window.TencentCloudChat.VERSION), SDK_VERSION);

  const groupID = await anaPage.evaluate(async () => {
    const { data } = await window.chat.createGroup({ type: window.TencentCloudChat.TYPES.GRP_MEETING, name: 'In the browser' });
    return data.group.groupID;
  });
  const status = await bobPage.evaluate(async (id) => (await window.chat.joinGroup({ groupID: id })).data.status, groupID);
  assert.equal(status, 'JoinedSuccess');

  for (const [from, to, fromUser, toUser] of [[anaPage, bobPage, ana, bob], [bobPage, anaPage, bob, ana]]) {
    const inGroup = `${fromUser} says 東京 😀`;
    const groupMessage = await say(from, groupID, 'group', inGroup);
    assert.deepEqual(await hear(to, inGroup), { ID: groupMessage, from: fromUser, text: inGroup });
    const inPrivate = `${fromUser} whispers`;
    const privateMessage = await say(from, toUser, 'person', inPrivate);
    assert.deepEqual(await hear(to, inPrivate), { ID: privateMessage, from: fromUser, text: inPrivate });
  }

  const own = [new URL(`http://localhost:${site.address().port}`).host, server.address];
  for (const page of [anaPage, bobPage]) {
    const foreign = page.requested.filter((url) => !url.startsWith('blob:') && !url.startsWith('data:') && !own.includes(new URL(url).host));
    assert.deepEqual(foreign, [], 'the page talks to its own site and to our server only');
    assert.deepEqual(page.errors, []);
  }
});

test('a page without login watches a live room', async () => {
  const ana = await open(fresh('ana'));
  const groupID = await ana.evaluate(async () => {
    const { GRP_AVCHATROOM } = window.TencentCloudChat.TYPES;
    const { data } = await window.chat.createGroup({ type: GRP_AVCHATROOM, name: 'Live' });
    await window.chat.joinGroup({ groupID: data.group.groupID, type: GRP_AVCHATROOM });
    return data.group.groupID;
  });
  const visitor = await (await browser.newContext()).newPage();
  await visitor.goto(`http://localhost:${site.address().port}/`);
  await visitor.evaluate(async ({ appId, url, id }) => {
    const { TencentCloudChat } = window;
    window.received = [];
    window.chat = TencentCloudChat.create({ SDKAppID: appId, proxyServer: url });
    window.chat.on(TencentCloudChat.EVENT.MESSAGE_RECEIVED, ({ data }) => {
      window.received.push(...data.map((message) => ({ ID: message.ID, from: message.from, text: message.payload.text })));
    });
    await window.chat.joinGroup({ groupID: id, type: TencentCloudChat.TYPES.GRP_AVCHATROOM });
  }, { appId: server.appId, url: server.socketUrl, id: groupID });
  const sent = await say(ana, groupID, 'group', 'for everybody');
  assert.equal((await hear(visitor, 'for everybody')).ID, sent);
});

test('a page reload keeps the user: login again, read what was said', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const [anaPage, bobPage] = [await open(ana), await open(bob)];
  const sent = await say(anaPage, bob, 'person', 'before the reload');
  await hear(bobPage, 'before the reload');
  await bobPage.close();
  const again = await open(bob);
  const ids = await again.evaluate(async (peer) => {
    const { data } = await window.chat.getMessageList({ conversationID: `C2C${peer}` });
    return data.messageList.map((message) => message.ID);
  }, ana);
  assert.deepEqual(ids, [sent]);
});
