// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { keyOf, OlderLines, olderThan } from './log_pages';
import { nanos, timeOfNanos } from './text';

const START = nanos('2026-01-01T00:00:00Z');
const PAGE = 100;

/** A store of `size` lines, three of them in each nanosecond. */
function storeOf(size: number) {
  const line = (i: number) => ({
    time: timeOfNanos(START - BigInt(Math.floor(i / 3))),
    service: 'a',
    body: `line ${i}`,
  });
  const asked: string[] = [];
  const ask = async (to: string) => {
    asked.push(to);
    const first = Number(START - nanos(to) + 1n) * 3;
    return Array.from({ length: Math.min(PAGE, size - first) }, (_, i) => line(first + i));
  };
  return { ask, asked, line };
}

const answered = () => new Promise((done) => setTimeout(done));

test('the page of older lines ends right after the last line', () => {
  expect(olderThan({ time: '2026-11-24T19:40:00.5Z', service: 'a' })).toBe('2026-11-24T19:40:00.500000001Z');
  const line = { time: 't', service: 'a', body: { x: 1 } };
  expect(keyOf(line)).toBe(keyOf({ ...line }));
  expect(keyOf(line)).not.toBe(keyOf({ ...line, body: 'y' }));
});

test('every line comes once, in order, to the end', async () => {
  const { ask, line } = storeOf(1_000);
  const older = new OlderLines(ask, () => {});
  const first = Array.from({ length: PAGE }, (_, i) => line(i));
  while (!older.isWhole) {
    older.more(first);
    await answered();
  }
  expect(older.count).toBe(1_000 - PAGE);
  for (let i = 0; i < older.count; i++) expect(older.at(i)?.body).toBe(`line ${PAGE + i}`);
  expect(older.at(older.count)).toBeUndefined();
});

test('of what was passed long ago the places stay, and the lines come again', async () => {
  const { ask, asked, line } = storeOf(9_000);
  const older = new OlderLines(ask, () => {});
  const first = Array.from({ length: PAGE }, (_, i) => line(i));
  while (!older.isWhole) {
    older.more(first);
    await answered();
  }
  expect(older.count).toBe(9_000 - PAGE);
  expect(older.loaded().length).toBeLessThan(42 * PAGE);
  const before = asked.length;
  expect(older.at(5)).toBeUndefined();
  expect(older.at(6)).toBeUndefined();
  await answered();
  expect(asked.length).toBe(before + 1);
  expect(older.at(5)?.body).toBe(`line ${PAGE + 5}`);
});

test('a failure is told and holds until it is tried again', async () => {
  let isDown = true;
  const { ask, line } = storeOf(300);
  const older = new OlderLines(
    (to) => (isDown ? Promise.reject(new Error('no answer')) : ask(to)),
    () => {},
  );
  const first = Array.from({ length: PAGE }, (_, i) => line(i));
  older.more(first);
  await answered();
  expect(older.failure?.message).toBe('no answer');
  older.more(first);
  expect(older.isAsking).toBe(false);
  isDown = false;
  older.again();
  older.more(first);
  await answered();
  expect(older.at(0)?.body).toBe(`line ${PAGE}`);
});
