// SPDX-License-Identifier: Apache-2.0

/** The share of requests that failed in each step; null where there was none. */
export function errorRatios({ requests, errors }: { requests: number[]; errors: number[] }): (number | null)[] {
  return requests.map((count, i) => (count ? (errors[i] ?? 0) / count : null));
}
