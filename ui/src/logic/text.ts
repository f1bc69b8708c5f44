// SPDX-License-Identifier: Apache-2.0
// How numbers, times and foreign text are written.

const trim = (value: number, digits: number) => String(Number(value.toPrecision(digits)));

export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 0.001) return `${trim(ms * 1e6, 3)} ns`;
  if (size < 1) return `${trim(ms * 1e3, 3)} µs`;
  if (size < 1_000) return `${trim(ms, 3)} ms`;
  if (size < 60_000) return `${trim(ms / 1e3, 3)} s`;
  const seconds = Math.round(ms / 1e3);
  if (size < 3_600_000) return `${Math.trunc(seconds / 60)} min ${seconds % 60} s`;
  return `${trim(ms / 3_600_000, 3)} h`;
}

export function count(value: number): string {
  if (value < 10_000) return trim(value, 4);
  if (value < 1e6) return `${trim(value / 1e3, 3)} k`;
  if (value < 1e9) return `${trim(value / 1e6, 3)} M`;
  return `${trim(value / 1e9, 3)} G`;
}

export function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond >= 1) return `${count(Number(trim(perSecond, 3)))}/s`;
  const perMinute = perSecond * 60;
  return perMinute >= 0.1 ? `${trim(perMinute, 2)}/min` : `${trim(perSecond * 3600, 2)}/h`;
}

export function percent(ratio: number): string {
  if (ratio === 0) return '0 %';
  if (ratio < 0.001) return '< 0.1 %';
  return `${ratio < 0.1 ? trim(ratio * 100, 2) : Math.round(ratio * 100)} %`;
}

export function bytes(size: number): string {
  if (size < 1_000) return `${size} B`;
  return size < 1e6 ? `${trim(size / 1e3, 3)} kB` : `${trim(size / 1e6, 3)} MB`;
}

const pad = (value: number, length = 2) => String(value).padStart(length, '0');

/** The time of day in the browser's zone, milliseconds included. */
export function clock(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

/** The same to the second. */
export function timeOfDay(time: string | number): string {
  return clock(time).slice(0, 8);
}

export function moment(time: string | number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** The time of day where that says enough: within half a day of `now`. */
export function recent(time: string | number, now = Date.now()): string {
  return Math.abs(now - new Date(time).getTime()) < 43_200_000 ? timeOfDay(time) : moment(time);
}

/** How long something lasts, as people say it. */
export function lasting(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return `${Math.max(Math.round(ms / 1_000), 0)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

export function ago(time: string | number, now = Date.now()): string {
  return `${lasting(now - new Date(time).getTime())} ago`;
}

// Marks that change how what comes after them is shown, and controls that show nothing.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Foreign text with its hidden marks made visible, so that it cannot pass for something else. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (mark) => `⟨U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** One line for a list, never longer than a screen is wide. */
export function oneLine(text: string, length = 400): string {
  const cut = text.length > length ? `${text.slice(0, length)}…` : text;
  return visible(cut.replace(/\s+/g, ' '));
}

export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** RFC 3339 with up to nanoseconds; whole nanoseconds since 1970. */
export function nanos(time: string): bigint {
  const [whole = '', fraction = ''] = time.replace(/Z$/, '').split('.');
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/** RFC 3339 of whole nanoseconds, every digit kept. */
export function timeOfNanos(value: bigint): string {
  const seconds = new Date(Number(value / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(value % 1_000_000_000n).padStart(9, '0')}Z`;
}
