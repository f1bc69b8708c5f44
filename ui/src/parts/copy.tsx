// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { commandOf } from '../logic/command';
import { useAddress } from '../state/address';

async function put(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS on another host browsers have no clipboard but this one.
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('no clipboard');
}

function Sheets() {
  return (
    <svg width="13" height="13" viewBox="0 0 13 13" fill="none" stroke="currentColor" aria-hidden="true">
      <rect x="4.5" y="4.5" width="8" height="8" rx="1.5" />
      <path d="M8.5 2.5v-.5a1.5 1.5 0 0 0-1.5-1.5h-5a1.5 1.5 0 0 0-1.5 1.5v5a1.5 1.5 0 0 0 1.5 1.5h.5" />
    </svg>
  );
}

interface Props {
  text: string;
  what: string;
  /** Beside the picture. */
  children?: ComponentChildren;
}

export function Copy({ text, what, children }: Props) {
  const [said, setSaid] = useState('');
  useEffect(() => {
    const timer = said ? setTimeout(() => setSaid(''), 1_500) : undefined;
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
    put(text).then(
      () => setSaid('Copied'),
      () => setSaid('No clipboard'),
    );
  };
  return (
    <button type="button" class="copy" title={`Copy ${what}`} aria-label={`Copy ${what}`} onClick={copy}>
      <span aria-live="polite">
        {said || (
          <>
            {children} <Sheets />
          </>
        )}
      </span>
    </button>
  );
}

/** What the view asks for, as a line for a terminal. */
export function CopyCommand({ view }: { view: 'traces' | 'logs' }) {
  const { params } = useAddress();
  return (
    <span class="terminal">
      <Copy text={commandOf(view, params, location.origin)} what="this search as a command">
        as a command
      </Copy>
    </span>
  );
}
