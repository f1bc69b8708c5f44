// SPDX-License-Identifier: Apache-2.0
// Time ranges moved and resized by keys; relative ones become fixed then.

export interface Bounds {
  from: number; // milliseconds
  to: number;
}

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3 };
const SHORTEST = 1_000;

function timeOf(text: string, now: number): number {
  const [, size, unit] = /^-(\d+)([smhd])$/.exec(text) ?? [];
  if (size && unit) return now - Number(size) * (UNITS[unit] ?? 0);
  return text === 'now' ? now : Date.parse(text);
}

/** Undefined where the address has something else that the server may know. */
export function boundsOf(range: { from: string; to?: string }, now: number): Bounds | undefined {
  const bounds = { from: timeOf(range.from, now), to: timeOf(range.to ?? 'now', now) };
  return bounds.from < bounds.to ? bounds : undefined;
}

/** Half a range to the left (-1) or right (1), never beyond now. */
export function moved({ from, to }: Bounds, direction: -1 | 1, now: number): Bounds {
  const by = Math.min((direction * (to - from)) / 2, now - to);
  return { from: from + by, to: to + by };
}

/** Twice (2) or half (0.5) as long around its middle, never beyond now. */
export function resized({ from, to }: Bounds, factor: number, now: number): Bounds {
  const length = Math.max((to - from) * factor, SHORTEST);
  const end = Math.min((from + to + length) / 2, Math.max(now, to));
  return { from: end - length, to: end };
}
