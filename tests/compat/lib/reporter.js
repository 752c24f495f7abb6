// A short report: one line per check, and of a failure what it expected, without the SDK's one-line source.

import path from 'node:path';

const WIDEST = 400;

export default async function* report(events) {
  const failures = [];
  let passed = 0;
  for await (const { type, data } of events) {
    const isCheck = (type === 'test:pass' || type === 'test:fail') && data.details?.type !== 'suite' && !isFile(data);
    if (isCheck) {
      const suite = path.basename(data.file ?? '', '.test.js');
      const line = `${suite}: ${data.name} (${Math.round(data.details.duration_ms)} ms)`;
      if (type === 'test:pass') {
        passed += 1;
        yield `  ok    ${line}\n`;
      } else {
        failures.push({ line, error: data.details.error });
        yield `  FAIL  ${line}\n`;
      }
    } else if (type === 'test:fail' && isFile(data) && data.details.error.failureType !== 'subtestsFailed') {
      failures.push({ line: data.name, error: data.details.error });
    } else if (type === 'test:stderr') {
      yield shorten(data.message);
    }
  }
  for (const { line, error } of failures) {
    const cause = error.cause ?? error;
    // The SDK's own errors carry a code and often no words.
    const code = typeof cause.code === 'number' ? `code ${cause.code} ` : '';
    yield `\n--- ${line}\n${code}${shorten(String(cause.stack ?? cause))}\n`;
  }
  yield `${passed} passed, ${failures.length} failed\n`;
}

/** The runner reports each file as a test around its tests. */
function isFile(data) {
  return data.nesting === 0 && data.name.endsWith('.test.js');
}

function shorten(text) {
  return text.split('\n').map((line) => (line.length > WIDEST ? `${line.slice(0, WIDEST)}…` : line)).join('\n');
}
