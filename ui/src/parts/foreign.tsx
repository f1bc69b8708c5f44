// SPDX-License-Identifier: Apache-2.0
// Text that came from outside: never markup, hidden marks made visible, as much of it as a reader can take.
import { useState } from 'preact/hooks';
import { bytes, visible } from '../logic/text';

const SHOWN = 2_000;

export function Foreign({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const isCut = text.length > SHOWN && !whole;
  return (
    <bdi class="foreign">
      {visible(isCut ? text.slice(0, SHOWN) : text)}
      {isCut && (
        <button type="button" onClick={() => setWhole(true)}>
          … show all ({bytes(text.length)})
        </button>
      )}
    </bdi>
  );
}
