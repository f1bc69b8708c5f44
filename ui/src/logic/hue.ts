// SPDX-License-Identifier: Apache-2.0

export const HUES = 10;
const known = new Map<string, number>();

/** One of the page's ten hues, the same for a service on every view and day. */
export function hueOf(service: string): number {
  let hue = known.get(service);
  if (hue === undefined) {
    let hash = 2166136261;
    for (let i = 0; i < service.length; i++) hash = Math.imul(hash ^ service.charCodeAt(i), 16777619);
    hue = (hash >>> 8) % HUES;
    known.set(service, hue);
  }
  return hue;
}
