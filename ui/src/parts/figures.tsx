// SPDX-License-Identifier: Apache-2.0
import { percent } from '../logic/text';

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
