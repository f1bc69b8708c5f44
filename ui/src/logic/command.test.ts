// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { commandOf } from './command';

const server = 'http://127.0.0.1:7070';

test('a view of traces is a command', () => {
  const params = new URLSearchParams(
    'service=team a/b&attribute=k=v&attribute=x=y&min_duration=250ms&errors=true&from=-3h&apart=failed',
  );
  expect(commandOf('traces', params, server)).toBe(
    "clew traces '--service=team a/b' --from=-3h --attribute=k=v --attribute=x=y --min-duration=250ms --errors --server=http://127.0.0.1:7070",
  );
});

test('what is searched for cannot leave its word', () => {
  const params = new URLSearchParams({ text: "it's; rm -rf $HOME", severity: 'error', tenant: 'shop' });
  expect(commandOf('logs', params, server)).toBe(
    "clew logs 'it'\\''s; rm -rf $HOME' --tenant=shop --severity=error --server=http://127.0.0.1:7070",
  );
});
