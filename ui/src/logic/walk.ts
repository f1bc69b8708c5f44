// SPDX-License-Identifier: Apache-2.0

/** The page's own address of what the API links to: "/api/clew/traces?x" is "/ui/traces?x". */
export function pageLink(link: string): string {
  return link.replace(/^\/api\/clew\/(traces|logs)(?=[/?]|$)/, '/ui/$1');
}

/** A quarter of the way around something that happened: enough to see before and after it. */
export function around(start: number, durationMs: number): { from: string; to: string } {
  const margin = Math.max(5 * 60_000, durationMs);
  return { from: new Date(start - margin).toISOString(), to: new Date(start + durationMs + margin).toISOString() };
}
