// SPDX-License-Identifier: Apache-2.0
import { useLayoutEffect } from 'preact/hooks';

export interface Key {
  /** As KeyboardEvent.key has it; two keys one after another are written "g t". */
  keys: string;
  does: string;
  run: () => void;
}

const groups = new Set<Key[]>();
let pending = '';
let pendingSince = 0;

export function knownKeys(): Key[] {
  return [...groups].flat();
}

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Keys that work while the caller is shown; `keys` has to keep its identity. */
export function useKeys(keys: Key[]) {
  // Before effects, so that who lists the keys in one of those finds them all.
  useLayoutEffect(() => {
    groups.add(keys);
    return () => void groups.delete(keys);
  }, [keys]);
}

export function startKeys() {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur();
    if (isTyping(event) || document.querySelector('dialog[open]')) return;
    // Enter and space belong to the button or link that has the focus.
    if (/^(Enter| )$/.test(event.key) && event.target instanceof Element && event.target.closest('a, button, summary'))
      return;
    const pressed = pending && Date.now() - pendingSince < 1_000 ? `${pending} ${event.key}` : event.key;
    const key = knownKeys().findLast((known) => known.keys === pressed);
    const isFirst = knownKeys().some((known) => known.keys.startsWith(`${event.key} `));
    pending = !key && isFirst ? event.key : '';
    pendingSince = Date.now();
    if (!key) return;
    event.preventDefault();
    key.run();
  });
}
