// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';

interface Props {
  title: ComponentChildren;
  /** A figure or two beside the title. */
  small?: ComponentChildren;
  /** At the far end. */
  note?: ComponentChildren;
  /** Controls between them. */
  children?: ComponentChildren;
}

/** The first line of a panel. */
export function PanelHead({ title, small, note, children }: Props) {
  return (
    <header class="panel-head">
      <h2>
        {title} {small !== undefined && <small>{small}</small>}
      </h2>
      {children}
      {note && <span class="muted note">{note}</span>}
    </header>
  );
}
