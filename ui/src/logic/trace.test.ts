// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { find, makeTrace, nameOf, type Outline, type Row, type Rows, rowsOf } from './trace';

type Given = [id: string, parent: string, start: number, end: number];

function outlineOf(spans: Given[], logs: { span_id: string; body: string }[] = []): Outline {
  return {
    trace_id: '1'.repeat(32),
    start: '2026-11-24T19:40:00Z',
    services: ['web', 'Cart'],
    names: spans.map(([id]) => `op ${id}`),
    span_id: spans.map(([id]) => id),
    parent_span_id: spans.map(([, parent]) => parent),
    service: spans.map((_, i) => i % 2),
    name: spans.map((_, i) => i),
    kind: spans.map(() => 1),
    offset_ns: spans.map(([, , start]) => start),
    duration_ns: spans.map(([, , start, end]) => end - start),
    error: spans.map(() => 0),
    logs: logs.map((log) => ({
      ...log,
      time: '2026-11-24T19:40:00Z',
      service: 'web',
      level: 'info',
      attributes: {},
      resource: {},
    })),
    logs_cut: false,
  };
}

const listed = (rows: Rows) => Array.from({ length: rows.length }, (_, i) => rows.at(i) as Row);

const SHOP: Given[] = [
  ['root', '', 0, 100],
  ['a', 'root', 5, 40],
  ['b', 'root', 30, 95],
  ['c', 'b', 50, 90],
  ['late', 'root', 60, 150],
];

test('spans stand below their parents in the order of their start, log lines below their span', () => {
  const trace = makeTrace(
    outlineOf(SHOP, [
      { span_id: 'b', body: 'one' },
      { span_id: 'gone', body: 'two' },
    ]),
  );
  const rows = rowsOf(trace, new Set(), true);
  expect(listed(rows).map((row) => `${'.'.repeat(row.depth)}${row.log ?? nameOf(trace, row.span)}`)).toEqual([
    'op root',
    '.op a',
    '.op b',
    '..0',
    '..op c',
    '.op late',
    '1',
  ]);
  expect(rowsOf(trace, new Set([0]), false)).toHaveLength(1);
  expect([rows.placeOfLog(0), rows.placeOfLog(1), rows.placeOfLog(7), rows.placeOfLog(-1)]).toEqual([3, 6, -1, -1]);
  const isC = (span: number) => span === 3;
  expect([rows.placeOfSpan(isC), rows.placeOfSpan(isC, 5), rows.at(7), rows.at(-1)]).toEqual([
    4,
    -1,
    undefined,
    undefined,
  ]);
  expect([...trace.below]).toEqual([4, 0, 1, 0, 0]);
  expect(trace.duration).toBe(150);
});

test('the critical path is what was waited for, without what outlives its parent', () => {
  const trace = makeTrace(outlineOf(SHOP));
  expect([...trace.critical]).toEqual([1, 0, 1, 1, 0]);
  const sequence = makeTrace(
    outlineOf([
      ['root', '', 0, 100],
      ['first', 'root', 0, 40],
      ['second', 'root', 40, 99],
    ]),
  );
  expect([...sequence.critical]).toEqual([1, 1, 1]);
});

test('orphans are roots, and a circle of parents still shows every span once', () => {
  const orphan = makeTrace(outlineOf([['a', 'unknown', 0, 5]]));
  expect([...orphan.roots]).toEqual([0]);
  const circle = makeTrace(
    outlineOf([
      ['a', 'b', 0, 5],
      ['b', 'a', 1, 4],
      ['self', 'self', 2, 3],
      ['leads in', 'b', 3, 4],
    ]),
  );
  expect(listed(rowsOf(circle, new Set(), true)).map((row) => row.span)).toEqual([0, 1, 3, 2]);
  expect([...circle.below]).toEqual([2, 1, 0, 0]);
});

test('search looks at operations and services in any case', () => {
  const trace = makeTrace(outlineOf(SHOP));
  expect([...find(trace, 'OP LATE')]).toEqual([4]);
  expect([...find(trace, 'cart')]).toEqual([1, 3]);
});

test('a trace of 200,000 spans is made in well under a second, whether it is broad or deep', () => {
  for (const parentOf of [(i: number) => Math.floor((i - 1) / 1_000), (i: number) => i - 1, () => 0, () => -1]) {
    const spans = Array.from(
      { length: 200_000 },
      (_, i): Given => [`s${i}`, i ? `s${parentOf(i)}` : '', i, 400_000 - i],
    );
    const outline = outlineOf(spans);
    const started = performance.now();
    expect(rowsOf(makeTrace(outline), new Set(), true)).toHaveLength(200_000);
    expect(performance.now() - started).toBeLessThan(5_000); // a loaded machine; alone it is some 200 ms
  }
});
