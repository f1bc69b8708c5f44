// SPDX-License-Identifier: Apache-2.0
import { nanos, timeOfNanos, valueText } from './text';

interface Line {
  time: string;
  service: string;
  span_id?: string;
  body?: unknown;
}

/** Tells lines apart, as far as they can be told apart. */
export function keyOf(line: Line): string {
  return `${line.time} ${line.service} ${line.span_id ?? ''} ${valueText(line.body).slice(0, 200)}`;
}

/** The end of a range that holds what is older than `line`, and what came in the very same nanosecond. */
export function olderThan(line: Line): string {
  return timeOfNanos(nanos(line.time) + 1n);
}
