// SPDX-License-Identifier: Apache-2.0
// The line for a terminal that asks the server what a view asks it.

/** A word as a POSIX shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const SHARED = ['service', 'from', 'to', 'tenant'];
const OPTIONS: Record<string, string[]> = {
  traces: [...SHARED, 'operation', 'attribute', 'min_duration', 'max_duration'],
  logs: [...SHARED, 'attribute', 'severity', 'trace_id'],
};

export function commandOf(view: 'traces' | 'logs', params: URLSearchParams, server: string): string {
  const words = ['clew', view];
  if (view === 'logs') words.push(...params.getAll('text').filter(Boolean));
  for (const name of OPTIONS[view] ?? []) {
    for (const value of params.getAll(name).filter(Boolean)) words.push(`--${name.replaceAll('_', '-')}=${value}`);
  }
  if (view === 'traces' && params.get('errors') === 'true') words.push('--errors');
  if (view === 'traces' && params.get('order') === 'slowest') words.push('--slowest');
  return [...words, `--server=${server}`].map(quoted).join(' ');
}
