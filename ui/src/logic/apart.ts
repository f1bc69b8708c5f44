// SPDX-License-Identifier: Apache-2.0
// Which requests, spans or lines are compared, and the filter that shows those with one of the values found.
import type { Params } from '../state/address';

export interface Group {
  signal: 'spans' | 'logs';
  service: string;
  operation: string;
}

/** A duration as the server takes it, never longer than what it stands for. */
export function slowText(ms: number): string | undefined {
  if (!(ms > 0)) return undefined;
  return ms >= 10 ? `${Math.floor(ms)}ms` : `${Math.floor(ms * 1e3)}us`;
}

/** The same for people: "818 ms". */
export function slowSaid(text: string): string {
  return text.replace(/(ms|us)$/, ' $1').replace(' us', ' µs');
}

/** The question of /api/clew/compare: `group` is "failed" or the least duration. */
export function conditionOf({ signal, service, operation }: Group, group: string) {
  const which = signal === 'spans' && !operation ? { requests: true } : {};
  return { signal, service, operation, ...which, ...(group === 'failed' ? { errors: true } : { min_duration: group }) };
}

/** The parameters of the list that shows the group's members with one value, beside the attributes asked for already. */
export function filterOf(
  { signal, service, operation }: Group,
  group: string,
  { key, value }: { key: string; value: string },
  now: URLSearchParams,
): Params {
  const isService = key === 'service.name';
  const attributes = now.getAll('attribute').filter(Boolean);
  const added = isService ? attributes : [...new Set([...attributes, `${key}=${value}`])];
  const shared = { service: isService ? value : service || undefined, attribute: added };
  if (signal === 'logs') return { ...shared, severity: 'error' };
  return {
    ...shared,
    operation: operation || undefined,
    ...(group === 'failed' ? { errors: 'true' } : { min_duration: group, order: 'slowest' }),
  };
}
