// SPDX-License-Identifier: Apache-2.0
// A trace as a tree over the columns of its outline: rows of a waterfall, the critical path, log lines in place.
// Everything is in flat arrays by span, so that 100,000 spans are a matter of milliseconds.
import type { Answered } from '../state/server';

export type Outline = Answered<'/api/clew/traces/{id}/outline'>;

export interface Trace {
  outline: Outline;
  size: number;
  parent: Int32Array; // -1: none that is stored
  /** The children of span i, by start, are childList[firstChild[i]] to before childList[firstChild[i + 1]]. */
  firstChild: Int32Array;
  childList: Int32Array;
  roots: Int32Array;
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

function linkParents(outline: Outline, places: Map<string, number>): Int32Array {
  const parent = new Int32Array(outline.span_id.length).fill(-1);
  outline.parent_span_id.forEach((id, i) => {
    const place = id ? places.get(id) : undefined;
    if (place !== undefined && place !== i) parent[i] = place;
  });
  return parent;
}

/** Of spans that are their own ancestors the first becomes a root. */
function cutCircles(parent: Int32Array) {
  const OPEN = 1;
  const DONE = 2;
  const state = new Uint8Array(parent.length);
  for (let first = 0; first < parent.length; first++) {
    let span = first;
    for (; span >= 0 && !state[span]; span = parent[span] ?? -1) state[span] = OPEN;
    const circle = span >= 0 && state[span] === OPEN ? span : -1;
    for (span = first; span >= 0 && state[span] === OPEN; span = parent[span] ?? -1) state[span] = DONE;
    if (circle >= 0) parent[circle] = -1;
  }
}

/** Children by parent in two flat arrays; spans keep their order, which is by start. */
function linkChildren(parent: Int32Array): Pick<Trace, 'firstChild' | 'childList' | 'roots'> {
  const size = parent.length;
  const firstChild = new Int32Array(size + 1);
  const roots: number[] = [];
  parent.forEach((above, span) => {
    if (above < 0) roots.push(span);
    else firstChild[above + 1] = (firstChild[above + 1] ?? 0) + 1;
  });
  for (let span = 0; span < size; span++) firstChild[span + 1] = (firstChild[span + 1] ?? 0) + (firstChild[span] ?? 0);
  const next = firstChild.slice(0, size);
  const childList = new Int32Array(size - roots.length);
  parent.forEach((above, span) => {
    if (above < 0) return;
    const place = next[above] ?? 0;
    childList[place] = span;
    next[above] = place + 1;
  });
  return { firstChild, childList, roots: Int32Array.from(roots) };
}

export function childrenOf({ firstChild, childList }: Trace, span: number): Int32Array {
  return childList.subarray(firstChild[span], firstChild[span + 1]);
}

/** From the roots down, each span before what is below it; `visit` says whether to go below it. */
function walk(trace: Trace, visit: (span: number, depth: number) => boolean) {
  const stack = new Int32Array(trace.size);
  const depths = new Int32Array(trace.size);
  let top = 0;
  const push = (spans: Int32Array, depth: number) => {
    for (let i = spans.length - 1; i >= 0; i--) {
      stack[top] = spans[i] ?? 0;
      depths[top++] = depth;
    }
  };
  push(trace.roots, 0);
  while (top > 0) {
    const span = stack[--top] ?? 0;
    const depth = depths[top] ?? 0;
    if (visit(span, depth)) push(childrenOf(trace, span), depth + 1);
  }
}

/** From the end of the longest root backwards: at each moment the child that ended last is what was waited for. */
function markCritical(trace: Trace) {
  let first: number | undefined;
  for (const root of trace.roots) {
    if (first === undefined || durationOf(trace, root) > durationOf(trace, first)) first = root;
  }
  const stack: [number, number][] = first === undefined ? [] : [[first, endOf(trace, first)]];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [span, until] = top;
    trace.critical[span] = 1;
    let limit = Math.min(until, endOf(trace, span));
    const waited = childrenOf(trace, span).toSorted((a, b) => endOf(trace, b) - endOf(trace, a));
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
  const places = new Map(outline.span_id.map((id, i) => [id, i]));
  const parent = linkParents(outline, places);
  cutCircles(parent);
  const trace: Trace = {
    outline,
    size,
    parent,
    ...linkChildren(parent),
    below: new Int32Array(size),
    critical: new Uint8Array(size),
    duration: 0,
    logs: new Map(),
  };
  const order = new Int32Array(size);
  let visited = 0;
  walk(trace, (span) => {
    order[visited++] = span;
    return true;
  });
  for (let i = size - 1; i >= 0; i--) {
    const span = order[i] ?? 0;
    const above = parent[span] ?? -1;
    if (above >= 0) trace.below[above] = (trace.below[above] ?? 0) + (trace.below[span] ?? 0) + 1;
  }
  for (let span = 0; span < size; span++) trace.duration = Math.max(trace.duration, endOf(trace, span));
  markCritical(trace);
  outline.logs.forEach((record, i) => {
    const span = places.get(record.span_id ?? '') ?? -1;
    const known = trace.logs.get(span);
    if (known) known.push(i);
    else trace.logs.set(span, [i]);
  });
  return trace;
}

const NO_LOG = -1;

/** The lines of a waterfall, in flat arrays too: objects by the hundred thousand would be what scrolling waits for. */
export class Rows {
  length = 0;
  private readonly spans: Int32Array;
  private readonly depths: Int32Array;
  private readonly logs: Int32Array;

  constructor(most: number) {
    this.spans = new Int32Array(most);
    this.depths = new Int32Array(most);
    this.logs = new Int32Array(most);
  }

  add(span: number, depth: number, log = NO_LOG) {
    this.spans[this.length] = span;
    this.depths[this.length] = depth;
    this.logs[this.length++] = log;
  }

  at(place: number): Row | undefined {
    if (place < 0 || place >= this.length) return undefined;
    const log = this.logs[place] ?? NO_LOG;
    const row = { span: this.spans[place] ?? 0, depth: this.depths[place] ?? 0 };
    return log === NO_LOG ? row : { ...row, log };
  }

  /** The place of the first span, from `from` on, that is wanted; -1: there is none. */
  placeOfSpan(wanted: (span: number) => boolean, from = 0): number {
    for (let place = from; place < this.length; place++) {
      if (this.logs[place] === NO_LOG && wanted(this.spans[place] ?? -1)) return place;
    }
    return -1;
  }

  placeOfLog(log: number): number {
    return log < 0 ? -1 : this.logs.subarray(0, this.length).indexOf(log);
  }
}

/** The rows that are open, top to bottom; log lines of a span stand right below it. */
export function rowsOf(trace: Trace, closed: ReadonlySet<number>, withLogs: boolean): Rows {
  const rows = new Rows(trace.size + trace.outline.logs.length);
  const addLogs = (span: number, depth: number) => {
    if (withLogs) for (const log of trace.logs.get(span) ?? []) rows.add(span, depth, log);
  };
  walk(trace, (span, depth) => {
    rows.add(span, depth);
    addLogs(span, depth + 1);
    return !closed.has(span);
  });
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
