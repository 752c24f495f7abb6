// Files of messages: the SDK with the vendor's upload plugin, in a real browser, uploads to our server; the other side downloads.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { fresh } from '../lib/client.js';
import { SDK_FILE } from '../lib/sdk.js';
import { startSuite } from '../lib/suite.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PLUGIN_FILE = createRequire(import.meta.url).resolve('tim-upload-plugin');
const PAGE = '<!doctype html><meta charset="utf-8"><title>judge</title><script src="/sdk.js"></script><script src="/plugin.js"></script>';
const SCRIPTS = { '/sdk.js': SDK_FILE, '/plugin.js': PLUGIN_FILE };

const server = await startSuite();
let site;
let browser;

before(async () => {
  assert.ok(existsSync(CHROMIUM), `a Chromium at ${CHROMIUM} (Debian: apt-get install chromium), or CHROMIUM naming another`);
  site = http.createServer((request, response) => {
    const file = SCRIPTS[request.url];
    response.setHeader('content-type', file ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
    response.end(file ? readFileSync(file) : PAGE);
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

/** Opens a page, logs `userID` in there and gives the page. `options` go to the SDK's `create`. */
async function open(userID, options = {}) {
  const page = await (await browser.newContext()).newPage();
  page.requested = [];
  page.on('request', (request) => page.requested.push(request.url()));
  await page.goto(`http://localhost:${site.address().port}/`);
  await page.evaluate(async ({ appId, url, user, ticket, more }) => {
    const { TencentCloudChat } = window;
    window.received = [];
    window.chat = TencentCloudChat.create({ SDKAppID: appId, proxyServer: url, ...more });
    window.chat.registerPlugin({ 'tim-upload-plugin': window.TIMUploadPlugin });
    window.chat.on(TencentCloudChat.EVENT.MESSAGE_RECEIVED, ({ data }) => {
      window.received.push(...data.map(({ ID, type, payload }) => ({ ID, type, payload: JSON.parse(JSON.stringify(payload)) })));
    });
    const ready = new Promise((resolve) => window.chat.on(TencentCloudChat.EVENT.SDK_READY, resolve));
    await window.chat.login({ userID: user, userSig: ticket });
    await ready;
  }, { appId: server.appId, url: server.socketUrl, user: userID, ticket: server.ticket(userID), more: options });
  return page;
}

/**
 * Sends a file that the page makes: `what` is Image, File, Audio or Video; a picture is drawn, everything else is `content`.
 * Gives the ID and the progress that was reported, or the code it was refused with.
 */
function send(page, to, what, name, type, content, extra = {}) {
  return page.evaluate(async ([receiver, kind, fileName, fileType, bytes, more]) => {
    let blob = new Blob([bytes], { type: fileType });
    if (bytes === null) {
      const canvas = document.createElement('canvas');
      canvas.width = 400;
      canvas.height = 300;
      canvas.getContext('2d').fillRect(10, 10, 200, 200);
      blob = await new Promise((resolve) => canvas.toBlob(resolve, fileType));
    }
    const file = new File([blob], fileName, { type: fileType });
    const progress = [];
    const message = window.chat[`create${kind}Message`]({
      to: receiver,
      conversationType: window.TencentCloudChat.TYPES.CONV_C2C,
      payload: { file: kind === 'Audio' || kind === 'Video' ? Object.assign(file, more) : file },
      onProgress: (part) => progress.push(part),
    });
    try {
      const { data } = await window.chat.sendMessage(message);
      return { ID: data.message.ID, progress, size: blob.size };
    } catch (error) {
      return { code: error.code, text: error.message };
    }
  }, [to, what, name, type, content, extra]);
}

async function receive(page, ID) {
  await page.waitForFunction((id) => window.received.some((message) => message.ID === id), ID, { timeout: 15_000 });
  return page.evaluate((id) => window.received.find((message) => message.ID === id), ID);
}

/** What a page of another site gets from an address. */
function load(page, url, headers = {}) {
  return page.evaluate(async ([address, more]) => {
    const response = await fetch(address, { headers: more });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      how: response.headers.get('content-disposition'),
      size: bytes.length,
      text: new TextDecoder().decode(bytes.slice(0, 40)),
    };
  }, [url, headers]);
}

test('a picture is uploaded, arrives in three sizes, and is shown by the other side', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const [anaPage, bobPage] = [await open(ana), await open(bob)];
  const sent = await send(anaPage, bob, 'Image', 'cat.png', 'image/png', null);
  assert.ok(sent.ID, `sent: ${JSON.stringify(sent)}`);
  assert.equal(sent.progress.at(-1), 1);
  const { type, payload } = await receive(bobPage, sent.ID);
  assert.equal(type, 'TIMImageElem');
  assert.equal(payload.imageInfoArray.length, 3);
  for (const { url, width, height } of payload.imageInfoArray) {
    assert.ok(url.startsWith(`http://${server.address}/files/`), url);
    assert.ok(width > 0 && height > 0);
    const shown = await bobPage.evaluate((src) => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve([image.naturalWidth, image.naturalHeight]);
      image.onerror = () => resolve('broken');
      image.src = src;
    }), url);
    assert.deepEqual(shown, [400, 300]);
  }
});

test('a file of any kind is uploaded and is saved, never shown, by the other side', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const [anaPage, bobPage] = [await open(ana), await open(bob)];
  const page = '<script>alert(1)</script>';
  const sent = await send(anaPage, bob, 'File', 'page.html', 'text/html', page);
  assert.ok(sent.ID, `sent: ${JSON.stringify(sent)}`);
  const { payload } = await receive(bobPage, sent.ID);
  assert.equal(payload.fileName, 'page.html');
  assert.equal(payload.fileSize, page.length);
  const loaded = await load(bobPage, payload.fileUrl);
  assert.deepEqual([loaded.status, loaded.type, loaded.text], [200, 'application/octet-stream', page]);
  assert.match(loaded.how, /^attachment;/);
});

test('a video and a sound are uploaded; players read ranges of them', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const [anaPage, bobPage] = [await open(ana), await open(bob)];
  const film = `\0\0\0\x18ftypmp42\0\0\0\0mp42isom${'v'.repeat(5_000)}`;
  const sent = await send(anaPage, bob, 'Video', 'film.mp4', 'video/mp4', film);
  assert.ok(sent.ID, `sent: ${JSON.stringify(sent)}`);
  const { payload } = await receive(bobPage, sent.ID);
  assert.equal(payload.videoSize, film.length);
  const part = await load(bobPage, payload.videoUrl, { Range: 'bytes=100-199' });
  assert.deepEqual([part.status, part.type, part.size], [206, 'video/mp4', 100]);

  const sound = await send(anaPage, bob, 'Audio', 'hello.mp3', 'audio/mp3', `ID3${'s'.repeat(2_000)}`, { duration: 3 });
  assert.ok(sound.ID, `sent: ${JSON.stringify(sound)}`);
  const heard = await receive(bobPage, sound.ID);
  assert.equal((await load(bobPage, heard.payload.url)).type, 'audio/mpeg');
});

test('what claims to be a picture and is none is refused', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const anaPage = await open(ana);
  await open(bob);
  const refused = await send(anaPage, bob, 'Image', 'page.png', 'image/png', '<svg onload="alert(1)"/>');
  assert.equal(refused.ID, undefined);
  assert.ok(refused.code, JSON.stringify(refused));
});

test('the backend signs, bans and allows a file that was sent', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const [anaPage, bobPage] = [await open(ana), await open(bob)];
  const sent = await send(anaPage, bob, 'File', 'list.txt', 'text/plain', 'apples');
  const { payload } = await receive(bobPage, sent.ID);
  const url = payload.fileUrl;
  const status = async () => {
    const { PreSigURLs: [entry] } = await server.rest.ok('im_cos_msg/get_cos_sig', { RawURLs: [{ ResourceID: 7, RawURL: url }] });
    assert.equal(entry.ResourceID, 7);
    return entry;
  };
  assert.equal((await load(bobPage, (await status()).PreSigURL)).text, 'apples');
  await server.rest.ok('im_cos_msg/forbid_illegal_object', { RawURL: url });
  assert.equal((await status()).Status, 1);
  assert.equal((await load(bobPage, url)).status, 403);
  await server.rest.ok('im_cos_msg/allow_banned_object', { RawURL: url });
  assert.equal((await load(bobPage, url)).text, 'apples');
});

test('pages talk to the chat server and to nobody else', async () => {
  const [ana, bob] = [fresh('ana'), fresh('bob')];
  const page = await open(ana);
  await open(bob);
  await send(page, bob, 'File', 'a.txt', 'text/plain', 'a');
  const own = [new URL(`http://localhost:${site.address().port}`).host, server.address];
  const foreign = page.requested.filter((url) => !/^(blob|data):/.test(url) && !own.includes(new URL(url).host));
  assert.deepEqual(foreign, []);
});
