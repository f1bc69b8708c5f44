// SPDX-License-Identifier: Apache-2.0
import { percent } from '../logic/text';

/** How much of `max` something is, beside its figure. */
export function Gauge({ value, max, kind = '' }: { value: number; max: number; kind?: string }) {
  return (
    <span class={`gauge ${kind}`} aria-hidden="true">
      <i style={{ width: `${Math.min(value / max, 1) * 100}%` }} />
    </span>
  );
}

/** A ratio of errors; a high one has a sign beside its colour. */
export function ErrorRatio({ ratio }: { ratio: number }) {
  const level = ratio >= 0.05 ? 'bad' : ratio > 0 ? 'warn' : 'muted';
  return (
    <span class={level}>
      {level === 'bad' && <span aria-hidden="true">▲ </span>}
      {percent(ratio)}
    </span>
  );
}
