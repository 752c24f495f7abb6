// The REST door as a customer's backend uses it: JSON posted to /v4/<service>/<command>.

import assert from 'node:assert/strict';

/** The account that every app has from the start and that may use REST. */
export const ADMIN = 'administrator';

export class Rest {
  constructor(server) {
    this.server = server;
  }

  /** Posts and returns the answer whatever its code. */
  async post(command, body = {}, identifier = ADMIN) {
    const query = new URLSearchParams({
      sdkappid: String(this.server.appId),
      identifier,
      usersig: this.server.ticket(identifier),
      random: String(randomU32()),
      contenttype: 'json',
    });
    const answer = await fetch(`http://${this.server.address}/v4/${command}?${query}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, `HTTP status of ${command}`);
    return answer.json();
  }

  /** Posts and expects success. */
  async ok(command, body, identifier) {
    const answer = await this.post(command, body, identifier);
    assert.equal(answer.ErrorCode, 0, `${command} ${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
    assert.equal(answer.ActionStatus, 'OK', `ActionStatus of ${command}`);
    return answer;
  }

  /** Posts and expects refusal with `code`. */
  async refused(code, command, body, identifier) {
    const answer = await this.post(command, body, identifier);
    assert.equal(answer.ErrorCode, code, `${command} ${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
    assert.equal(answer.ActionStatus, 'FAIL', `ActionStatus of ${command}`);
    return answer;
  }

  /** Creates accounts that never logged in. */
  async importAccounts(...userIDs) {
    const answer = await this.ok('im_open_login_svc/multiaccount_import', { Accounts: userIDs });
    assert.deepEqual(answer.FailAccounts ?? [], [], 'accounts that could not be imported');
  }
}

/** A number for `random`, `Random` or `MsgRandom`, over the whole range that backends use. */
export function randomU32() {
  return Math.floor(Math.random() * 0x1_0000_0000);
}

/** A message body of one text element. */
export function text(content) {
  return [{ MsgType: 'TIMTextElem', MsgContent: { Text: content } }];
}
