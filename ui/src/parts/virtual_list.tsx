// SPDX-License-Identifier: Apache-2.0
// A list that draws only the rows one can see.
import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { memo } from 'preact/compat';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const NEAR_END = 200; // rows

interface Props {
  count: number;
  rowHeight: number;
  label: string;
  /** Rows grow when opened; then each is measured. */
  measured?: boolean;
  /** Scrolled into sight when it changes. */
  focus?: number | undefined;
  /** Called when the end comes near. */
  onEnd?: () => void;
  class?: string;
  children: (index: number) => ComponentChildren;
}

// While one scrolls only rows that come into sight are made: the function that makes them stays the same.
const Content = memo(({ index, make }: { index: number; make: Props['children'] }) => <>{make(index)}</>);

export function VirtualList({ count, rowHeight, label, measured, focus, onEnd, children, ...rest }: Props) {
  const box = useRef<HTMLElement>(null);
  const [, redraw] = useState(0);
  const options: VirtualizerOptions<HTMLElement, HTMLLIElement> = {
    count,
    estimateSize: () => rowHeight,
    overscan: 8,
    getScrollElement: () => box.current,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw((n) => n + 1),
  };
  const [list] = useState(() => new Virtualizer(options));
  list.setOptions(options);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  useEffect(() => {
    if (focus !== undefined && focus >= 0) list.scrollToIndex(focus, { align: 'auto' });
  }, [focus, list]);
  const measure = (element: HTMLLIElement | null) => {
    if (element) list.measureElement(element);
  };
  const items = list.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (count > 0 && last >= count - NEAR_END) onEnd?.();
  }, [last, count, onEnd]);
  return (
    <section
      class={`scroll ${rest.class ?? ''}`}
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls has to be reached by keyboard
      tabIndex={0}
      aria-label={label}
      style={{ '--all': `${list.getTotalSize()}px` }}
    >
      <ul class="rows" style={{ height: `${list.getTotalSize()}px` }}>
        {items.map((item) => (
          <li
            key={item.key}
            class="row"
            data-index={item.index}
            ref={measured ? measure : null}
            style={{ transform: `translateY(${item.start}px)`, ...(measured ? {} : { height: `${rowHeight}px` }) }}
          >
            <Content index={item.index} make={children} />
          </li>
        ))}
      </ul>
    </section>
  );
}
