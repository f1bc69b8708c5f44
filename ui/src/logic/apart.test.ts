// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { conditionOf, filterOf, slowSaid, slowText } from './apart';

const payment = { signal: 'spans', service: 'payment', operation: '' } as const;

test('a threshold is written as the server reads it, and leaves in what it was made of', () => {
  expect([883.9, 12, 0.4571, 0, Number.NaN].map(slowText)).toEqual(['883ms', '12ms', '457us', undefined, undefined]);
  expect(['883ms', '457us', '2s'].map(slowSaid)).toEqual(['883 ms', '457 µs', '2s']);
});

test('the group is what failed or took long', () => {
  expect(conditionOf(payment, 'failed')).toMatchObject({ service: 'payment', errors: true, requests: true });
  expect(conditionOf({ ...payment, operation: 'SELECT' }, 'failed')).not.toHaveProperty('requests');
  expect(conditionOf({ ...payment, signal: 'logs' }, 'failed')).not.toHaveProperty('requests');
  expect(conditionOf(payment, '883ms')).toMatchObject({ min_duration: '883ms' });
});

test('a value becomes a filter beside those that are there', () => {
  const now = new URLSearchParams('attribute=a=b&service=payment');
  const version = { key: 'service.version', value: '1.9.0' };
  expect(filterOf(payment, 'failed', version, now)).toEqual({
    service: 'payment',
    operation: undefined,
    attribute: ['a=b', 'service.version=1.9.0'],
    errors: 'true',
  });
  expect(filterOf(payment, '883ms', { key: 'a', value: 'b' }, now)).toMatchObject({
    attribute: ['a=b'],
    min_duration: '883ms',
  });
  expect(
    filterOf({ ...payment, service: '' }, 'failed', { key: 'service.name', value: 'cart' }, new URLSearchParams()),
  ).toMatchObject({
    service: 'cart',
    attribute: [],
  });
  expect(filterOf({ signal: 'logs', service: '', operation: '' }, 'failed', version, now)).toMatchObject({
    severity: 'error',
  });
});
