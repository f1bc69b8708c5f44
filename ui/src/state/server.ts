// SPDX-License-Identifier: Apache-2.0
// What the server answered, in one cache. Paths, parameters and answers are typed by clew/api/clew/openapi.yaml.

import { keepPreviousData, QueryClient, QueryObserver } from '@tanstack/query-core';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { paths } from '#schema';
import { useAddress } from './address';

type Json<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { 'application/json': infer T } } } };
}
  ? T
  : never;
type Asked<P extends keyof paths, In extends 'query' | 'path'> = paths[P] extends {
  get: { parameters: { [K in In]?: infer T } };
}
  ? [NonNullable<T>] extends [never]
    ? unknown
    : NonNullable<T>
  : unknown;
export type GetPath = { [P in keyof paths]: Json<P> extends never ? never : P }[keyof paths];
export type Question<P extends GetPath> = Partial<Asked<P, 'path'> & Asked<P, 'query'>>;
export type Answered<P extends GetPath> = Json<P>;

/** A failure that says what to do. `status` 0: no answer came at all. */
export class ServerError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const client = new QueryClient({
  defaultOptions: { queries: { staleTime: 5_000, retry: false, refetchOnWindowFocus: true } },
});

export function urlOf(path: string, question: Record<string, unknown>): string {
  const rest = { ...question };
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest[name]));
    delete rest[name];
    return value;
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== '' && one !== false) query.append(name, String(one));
    }
  }
  return query.size > 0 ? `${filled}?${query}` : filled;
}

const SAID: Record<number, string> = {
  401: 'This server asks for a token. Load the page again and give it as the password of the prompt; any user name will do.',
  403: 'Your token does not allow this. Ask for one with the role read for this tenant (clew token).',
};

export async function get<P extends GetPath>(
  path: P,
  question: Question<P>,
  tenant: string | null,
  signal?: AbortSignal,
): Promise<Answered<P>> {
  let response: Response;
  try {
    const headers: Record<string, string> = tenant ? { 'X-Scope-OrgID': tenant } : {};
    response = await fetch(urlOf(path, question), { headers, signal: signal ?? null });
  } catch (failure) {
    if (signal?.aborted) throw failure;
    throw new ServerError(0, 'The server does not answer. Is clew serve running? The page goes on once it does.');
  }
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  const detail = typeof said.error === 'string' ? said.error : response.statusText;
  throw new ServerError(response.status, [SAID[response.status], detail].filter(Boolean).join(' '));
}

export interface Answer<T> {
  data?: T | undefined;
  error?: Error | undefined;
  fetching: boolean;
  again: () => void;
}

interface Options {
  /** Asks again so often, in milliseconds, while the page is seen. */
  every?: number | false;
  enabled?: boolean;
  /** Not asked again when the window comes back: what is looked at stays in its place. */
  still?: boolean;
}

export function useGet<P extends GetPath>(path: P, question: Question<P>, options: Options = {}): Answer<Answered<P>> {
  const tenant = useAddress().params.get('tenant');
  const key = JSON.stringify([path, question, tenant]);
  const { every = false, enabled = true, still = false } = options;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for path, question and tenant
  const wanted = useMemo(
    () => ({
      queryKey: [path, question, tenant],
      queryFn: ({ signal }: { signal: AbortSignal }) => get(path, question, tenant, signal),
      enabled,
      refetchInterval: every,
      refetchOnWindowFocus: !still,
      placeholderData: keepPreviousData,
    }),
    [key, enabled, every, still],
  );
  const [observer] = useState(() => new QueryObserver(client, wanted));
  const [, redraw] = useState(0);
  useEffect(() => observer.subscribe(() => redraw((n) => n + 1)), [observer]);
  useEffect(() => observer.setOptions(wanted), [observer, wanted]);
  const result = observer.getOptimisticResult(client.defaultQueryOptions(wanted) as never);
  return {
    data: result.isError ? undefined : (result.data as Answered<P> | undefined),
    error: result.error ?? undefined,
    fetching: result.isFetching,
    again: () => void observer.refetch(),
  };
}
