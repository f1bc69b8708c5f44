// SPDX-License-Identifier: Apache-2.0
// A trace as a tree over the columns of its outline: rows of a waterfall, the critical path, log lines in place.
// Everything is in flat arrays by span, so that 100,000 spans are a matter of milliseconds.
import type { Answered } from '../state/server';

export type Outline = Answered<'/api/clew/traces/{id}/outline'>;

export interface Trace {
  outline: Outline;
  size: number;
  parent: Int32Array; // -1: none that is stored
  children: number[][];
  roots: number[];
  below: Int32Array; // how many spans hang below
  critical: Uint8Array; // 1: on the critical path
  duration: number; // nanoseconds, from the first start to the last end
  logs: Map<number, number[]>; // places of log records by span; -1: of no stored span
}

/** One line of the waterfall: a span, or a log record of it. */
export interface Row {
  span: number;
  depth: number;
  log?: number;
}

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];
export const kindName = (trace: Trace, span: number) => KINDS[trace.outline.kind[span] ?? 0] ?? '';
export const serviceOf = (trace: Trace, span: number) => trace.outline.services[trace.outline.service[span] ?? 0] ?? '';
export const nameOf = (trace: Trace, span: number) => trace.outline.names[trace.outline.name[span] ?? 0] ?? '';
export const startOf = (trace: Trace, span: number) => trace.outline.offset_ns[span] ?? 0;
export const durationOf = (trace: Trace, span: number) => Math.max(trace.outline.duration_ns[span] ?? 0, 0);
export const endOf = (trace: Trace, span: number) => startOf(trace, span) + durationOf(trace, span);
export const isFailed = (trace: Trace, span: number) => trace.outline.error[span] === 1;

function linkParents(outline: Outline): Int32Array {
  const places = new Map<string, number>();
  outline.span_id.forEach((id, i) => void places.set(id, i));
  const parent = new Int32Array(outline.span_id.length).fill(-1);
  outline.parent_span_id.forEach((id, i) => {
    const place = id ? places.get(id) : undefined;
    if (place !== undefined && place !== i) parent[i] = place;
  });
  return parent;
}

/** Spans in the order of a walk from the roots; whoever is not reached (a circle of parents) becomes a root. */
function walkOrder(parent: Int32Array, children: number[][], roots: number[]): number[] {
  const order: number[] = [];
  const seen = new Uint8Array(parent.length);
  const walk = (root: number) => {
    const stack = [root];
    for (let span = stack.pop(); span !== undefined; span = stack.pop()) {
      if (seen[span]) continue;
      seen[span] = 1;
      order.push(span);
      stack.push(...(children[span] ?? []).toReversed());
    }
  };
  roots.forEach(walk);
  for (let span = 0; span < parent.length; span++) {
    if (seen[span]) continue;
    const above = children[parent[span] ?? -1];
    above?.splice(above.indexOf(span), 1);
    parent[span] = -1;
    roots.push(span);
    walk(span);
  }
  return order;
}

/** From the end of the longest root backwards: at each moment the child that ended last is what was waited for. */
function markCritical(trace: Trace) {
  const first = trace.roots.toSorted((a, b) => durationOf(trace, b) - durationOf(trace, a))[0];
  const stack: [number, number][] = first === undefined ? [] : [[first, endOf(trace, first)]];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [span, until] = top;
    trace.critical[span] = 1;
    let limit = Math.min(until, endOf(trace, span));
    const waited = (trace.children[span] ?? []).toSorted((a, b) => endOf(trace, b) - endOf(trace, a));
    for (const child of waited) {
      // What outlives its parent was not waited for.
      if (startOf(trace, child) >= limit || endOf(trace, child) > limit) continue;
      stack.push([child, limit]);
      limit = startOf(trace, child);
    }
  }
}

export function makeTrace(outline: Outline): Trace {
  const size = outline.span_id.length;
  const parent = linkParents(outline);
  const children: number[][] = Array.from({ length: size }, () => []);
  const roots: number[] = [];
  for (let span = 0; span < size; span++) {
    const above = parent[span] ?? -1;
    (above < 0 ? roots : (children[above] ?? roots)).push(span);
  }
  const trace: Trace = {
    outline,
    size,
    parent,
    children,
    roots,
    below: new Int32Array(size),
    critical: new Uint8Array(size),
    duration: 0,
    logs: new Map(),
  };
  const order = walkOrder(parent, children, roots);
  for (let i = order.length - 1; i >= 0; i--) {
    const span = order[i] ?? 0;
    const above = parent[span] ?? -1;
    if (above >= 0) trace.below[above] = (trace.below[above] ?? 0) + (trace.below[span] ?? 0) + 1;
  }
  for (let span = 0; span < size; span++) trace.duration = Math.max(trace.duration, endOf(trace, span));
  markCritical(trace);
  const places = new Map(outline.span_id.map((id, i) => [id, i]));
  outline.logs.forEach((record, i) => {
    const span = places.get(record.span_id ?? '') ?? -1;
    trace.logs.set(span, [...(trace.logs.get(span) ?? []), i]);
  });
  return trace;
}

/** The rows that are open, top to bottom; log lines of a span stand right below it. */
export function rowsOf(trace: Trace, closed: ReadonlySet<number>, withLogs: boolean): Row[] {
  const rows: Row[] = [];
  const stack: [number, number][] = trace.roots.toReversed().map((span) => [span, 0]);
  const addLogs = (span: number, depth: number) => {
    if (withLogs) for (const log of trace.logs.get(span) ?? []) rows.push({ span, depth, log });
  };
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [span, depth] = top;
    rows.push({ span, depth });
    addLogs(span, depth + 1);
    if (closed.has(span)) continue;
    const children = trace.children[span] ?? [];
    for (let i = children.length - 1; i >= 0; i--) stack.push([children[i] ?? 0, depth + 1]);
  }
  addLogs(-1, 0);
  return rows;
}

/** Spans whose operation or service holds the text, in any case. */
export function find(trace: Trace, text: string): Set<number> {
  const wanted = text.toLowerCase();
  const holds = (texts: string[]) => texts.map((one) => one.toLowerCase().includes(wanted));
  const names = holds(trace.outline.names);
  const services = holds(trace.outline.services);
  const found = new Set<number>();
  for (let span = 0; span < trace.size; span++) {
    if (names[trace.outline.name[span] ?? -1] || services[trace.outline.service[span] ?? -1]) found.add(span);
  }
  return found;
}
