// SPDX-License-Identifier: Apache-2.0
// The address is the state of the view: whoever opens it sees the same. Time range and tenant go along from view to view.
import { useEffect, useState } from 'preact/hooks';

export interface Address {
  path: string;
  params: URLSearchParams;
}

export type Params = Record<string, string | string[] | undefined>;

const KEPT = ['from', 'to', 'tenant'];
export const DEFAULT_FROM = '-1h';

const listeners = new Set<(address: Address) => void>();
let current = read();

function read(): Address {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

function announce() {
  current = read();
  for (const listener of listeners) listener(current);
}

export function address(): Address {
  return current;
}

export function useAddress(): Address {
  const [state, setState] = useState(current);
  useEffect(() => {
    listeners.add(setState);
    setState(current);
    return () => void listeners.delete(setState);
  }, []);
  return state;
}

function write(params: URLSearchParams, changes: Params): URLSearchParams {
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) if (one) params.append(name, one);
  }
  return params;
}

/** The address of a view: with the range and tenant of the present one, unless `params` says otherwise. */
export function href(path: string, params: Params = {}): string {
  const kept = new URLSearchParams([...current.params].filter(([name]) => KEPT.includes(name)));
  const query = write(kept, params).toString();
  return query ? `${path}?${query}` : path;
}

export function visit(target: string, replace = false) {
  if (replace) history.replaceState(null, '', target);
  else history.pushState(null, '', target);
  announce();
}

/** Changes parameters of the present view; undefined takes one away. */
export function change(changes: Params, replace = false) {
  const query = write(new URLSearchParams(current.params), changes).toString();
  visit(query ? `${current.path}?${query}` : current.path, replace);
}

/** Links within the page do not load it anew. */
export function startAddress() {
  addEventListener('popstate', announce);
  document.addEventListener('click', (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    const target = link?.getAttribute('href') ?? '';
    if (!plain || event.defaultPrevented || link?.hasAttribute('download')) return;
    if (target !== '/' && !/^\/(ui\/|\?|ui$)/.test(target)) return;
    event.preventDefault();
    visit(target);
    if (link?.closest('nav')) scrollTo(0, 0);
  });
}

export interface Range {
  from: string;
  to?: string;
}

/** The range as the server takes it: relative ("-1h") or a time. */
export function rangeOf(params: URLSearchParams): Range {
  const to = params.get('to');
  return { from: params.get('from') || DEFAULT_FROM, ...(to ? { to } : {}) };
}

export function isLive(range: Range): boolean {
  return range.from.startsWith('-') && !range.to;
}

export function setRange(from: number, to: number) {
  change({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
}
