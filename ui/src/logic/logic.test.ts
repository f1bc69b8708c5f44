// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { type Map_, withFigures } from './edges';
import { errorRatios } from './history';
import { HUES, hueOf } from './hue';
import { labelOf, around as neighbours, place } from './layout';
import { linesOf } from './templates';
import { around, pageLink } from './walk';

test('a template leads to its lines by its fixed words', () => {
  const template = 'gateway pool exhausted <*> of <*> in use waiting pool';
  expect(linesOf({ service: 'a b', template })).toEqual({
    service: 'a b',
    text: ['exhausted', 'gateway', 'waiting', 'pool', 'use'],
  });
  expect(linesOf({ service: '', template: '<*> <*>' }).text).toEqual([]);
});

test('links of the API lead to views of the page', () => {
  expect(pageLink('/api/clew/traces?service=a%2Fb')).toBe('/ui/traces?service=a%2Fb');
  expect(pageLink('/api/clew/logs?from=x')).toBe('/ui/logs?from=x');
  expect(pageLink('/api/clew/tracesque')).toBe('/api/clew/tracesque');
});

test('the time around something short is ten minutes', () => {
  const { from, to } = around(Date.parse('2026-01-01T00:10:00Z'), 40);
  expect([from, to]).toEqual(['2026-01-01T00:05:00.000Z', '2026-01-01T00:15:00.040Z']);
});

test('a service has one hue, whatever its name', () => {
  for (const name of ['cart', '', 'a/b c', '💥']) {
    expect(hueOf(name)).toBe(hueOf(name));
    expect(hueOf(name)).toBeGreaterThanOrEqual(0);
    expect(hueOf(name)).toBeLessThan(HUES);
  }
});

const edge = (client: string, server: string) => ({
  client,
  server,
  calls: 5,
  errors: 0,
  calls_per_second: 1,
  p50_ms: 1,
  p95_ms: 1,
  p99_ms: 1,
});

test('callers stand to the left of whom they call, circles and calls of oneself included', () => {
  const map = {
    from: '',
    to: '',
    nodes: ['web', 'cart', 'a b/c'].map((name) => ({ name, kind: 'service' })),
    edges: [edge('web', 'cart'), edge('cart', 'a b/c'), edge('cart', 'cart'), edge('web', 'unknown')],
  } as Map_;
  const placed = place(map);
  const x = Object.fromEntries(placed.nodes.map((node) => [node.name, node.x]));
  expect(x.web).toBeLessThan(x.cart ?? 0);
  expect(x.cart).toBeLessThan(x['a b/c'] ?? 0);
  expect(placed.edges).toHaveLength(2);
  expect(withFigures({ ...edge('web', 'cart'), errors: 2 }).error_ratio).toBe(0.4);
  expect(withFigures({ ...edge('web', 'cart'), calls: 0 }).error_ratio).toBe(0);
  expect(neighbours(map, 'web').nodes.map((node) => node.name)).toEqual(['web', 'cart']);
});

test('where nobody asked there is no share of failures', () => {
  expect(errorRatios({ requests: [4, 0, 2], errors: [1, 0, 0] })).toEqual([0.25, null, 0]);
});

test('long names keep what tells them apart', () => {
  expect(
    [
      'cart',
      'sqlite /var/lib/shop/data/cart.db',
      'a-service-with-a-very-long-name',
      'postgresql a-database-with-a-long-name',
    ].map(labelOf),
  ).toEqual(['cart', 'sqlite …cart.db', 'a-service-with-a-very…', 'postgresql a-database…']);
});
