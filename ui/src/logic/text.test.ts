// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { ago, bytes, count, duration, nanos, oneLine, percent, rate, timeOfNanos, visible } from './text';

test('durations have the unit that a person would choose', () => {
  expect([0, 0.000_42, 0.25, 1.5, 12.34, 999, 1_890, 61_000, 7_200_000].map(duration)).toEqual([
    '0 ms',
    '420 ns',
    '250 µs',
    '1.5 ms',
    '12.3 ms',
    '999 ms',
    '1.89 s',
    '1 min 1 s',
    '2 h',
  ]);
  expect(duration(119_900)).toBe('2 min 0 s');
  expect(duration(-3)).toBe('-3 ms');
});

test('rates, counts, shares and sizes stay short', () => {
  expect([0, 0.0001, 0.05, 2.345, 12_345].map(rate)).toEqual(['0/s', '0.36/h', '3/min', '2.35/s', '12.3 k/s']);
  expect([7, 9_999, 15_000, 2_500_000].map(count)).toEqual(['7', '9999', '15 k', '2.5 M']);
  expect([0, 0.0002, 0.034, 0.5, 1].map(percent)).toEqual(['0 %', '< 0.1 %', '3.4 %', '50 %', '100 %']);
  expect([12, 1_500, 1_048_576].map(bytes)).toEqual(['12 B', '1.5 kB', '1.05 MB']);
  expect(ago('2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:03:00Z'))).toBe('3 min ago');
});

test('marks that turn text around or hide it are shown', () => {
  expect(visible('user\u202Egnp.exe')).toBe('user⟨U+202E⟩gnp.exe');
  expect(visible('a\u200Bb\u0000')).toBe('a⟨U+200B⟩b⟨U+0000⟩');
  expect(visible('<script>alert(1)</script>\n\tשלום')).toBe('<script>alert(1)</script>\n\tשלום');
});

test('one line of a list is never a megabyte', () => {
  expect(oneLine('x'.repeat(1_000_000)).length).toBe(401);
  expect(oneLine('two\r\n  lines')).toBe('two lines');
});

test('times keep their nanoseconds', () => {
  for (const time of ['2026-11-24T19:40:00.123456789Z', '1970-01-01T00:00:00.000000001Z']) {
    expect(timeOfNanos(nanos(time))).toBe(time);
  }
  expect(nanos('2026-11-24T19:40:00.5Z') - nanos('2026-11-24T19:40:00Z')).toBe(500_000_000n);
});
