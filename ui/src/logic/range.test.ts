// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { boundsOf, moved, resized } from './range';

const now = Date.parse('2026-01-01T12:00:00Z');
const hour = 3_600_000;

test('ranges of the address are times', () => {
  expect(boundsOf({ from: '-1h' }, now)).toEqual({ from: now - hour, to: now });
  expect(boundsOf({ from: '-2d', to: '-1h' }, now)).toEqual({ from: now - 48 * hour, to: now - hour });
  expect(boundsOf({ from: '2026-01-01T10:00:00Z', to: '2026-01-01T11:00:00Z' }, now)?.to).toBe(now - hour);
  expect(boundsOf({ from: 'yesterday' }, now)).toBeUndefined();
  expect(boundsOf({ from: 'now' }, now)).toBeUndefined();
});

test('a range moves by half of itself and not into the future', () => {
  const last = { from: now - hour, to: now };
  expect(moved(last, -1, now)).toEqual({ from: now - 1.5 * hour, to: now - hour / 2 });
  expect(moved(last, 1, now)).toEqual(last);
  expect(moved(moved(last, -1, now), 1, now)).toEqual(last);
});

test('a range grows and shrinks around its middle', () => {
  const past = { from: now - 3 * hour, to: now - hour };
  expect(resized(past, 0.5, now)).toEqual({ from: now - 2.5 * hour, to: now - 1.5 * hour });
  expect(resized(past, 2, now)).toEqual({ from: now - 4 * hour, to: now });
  expect(resized({ from: now - hour, to: now }, 2, now)).toEqual({ from: now - 2 * hour, to: now });
  const least = resized({ from: now - 10, to: now }, 0.5, now);
  expect(least.to - least.from).toBe(1_000);
});
