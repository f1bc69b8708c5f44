// SPDX-License-Identifier: Apache-2.0
// Log lines by pages, newest first: more are asked for at the end, and of a million that were passed few are kept.
import { nanos, timeOfNanos, valueText } from './text';

interface Line {
  time: string;
  service: string;
  span_id?: string;
  body?: unknown;
}

/** Tells lines apart, as far as they can be told apart. */
export function keyOf(line: Line): string {
  return `${line.time} ${line.service} ${line.span_id ?? ''} ${valueText(line.body).slice(0, 200)}`;
}

/** The end of a range that holds what is older than `line`, and what came in the very same nanosecond. */
export function olderThan(line: Line): string {
  return timeOfNanos(nanos(line.time) + 1n);
}

interface Page<L> {
  start: number; // place of its first line
  count: number;
  to: string;
  /** Lines of the page before that end in the same nanosecond: they come again. */
  known: ReadonlySet<string>;
  lines: L[] | undefined;
}

const KEPT = 40; // pages

/** What comes after the first page. `ask` gives what is older than a time, newest first; `changed` is told of every change. */
export class OlderLines<L extends Line> {
  failure: Error | undefined;
  isWhole = false;
  private readonly pages: Page<L>[] = [];
  private readonly asked = new Set<Page<L>>();

  constructor(
    private readonly ask: (to: string) => Promise<L[]>,
    private readonly changed: () => void,
  ) {}

  get count(): number {
    const last = this.pages.at(-1);
    return last ? last.start + last.count : 0;
  }

  get isAsking(): boolean {
    return this.asked.size > 0;
  }

  /** A line that was passed long ago may have to be asked for again; it is undefined until then. */
  at(place: number): L | undefined {
    const page = this.pageOf(place);
    if (!page) return undefined;
    if (!page.lines) this.fill(page);
    return page.lines?.[place - page.start];
  }

  /** The lines that are at hand. */
  loaded(): L[] {
    return this.pages.flatMap((page) => page.lines ?? []);
  }

  /** Asks for the page after `before`, the lines of the last page so far. */
  more(before: readonly L[]) {
    const tail = this.pages.at(-1)?.lines ?? (this.pages.length === 0 ? before : undefined);
    const last = tail?.at(-1);
    if (!tail || !last || this.isAsking || this.isWhole || this.failure) return;
    const known = new Set(tail.filter((line) => line.time === last.time).map(keyOf));
    this.fill({ start: this.count, count: 0, to: olderThan(last), known, lines: undefined });
  }

  again() {
    this.failure = undefined;
    this.changed();
  }

  private pageOf(place: number): Page<L> | undefined {
    // Pages are about equally long: guess, then go on.
    const first = this.pages[0];
    if (!first) return undefined;
    let i = Math.min(Math.floor(place / Math.max(first.count, 1)), this.pages.length - 1);
    while (i > 0 && (this.pages[i]?.start ?? 0) > place) i--;
    while (i + 1 < this.pages.length && (this.pages[i + 1]?.start ?? 0) <= place) i++;
    const page = this.pages[i];
    return page && place >= page.start && place < page.start + page.count ? page : undefined;
  }

  private fill(page: Page<L>) {
    if (this.asked.has(page) || this.failure) return;
    this.asked.add(page);
    this.ask(page.to)
      .then(
        (lines) => this.put(page, lines),
        (failure: Error) => {
          this.failure = failure;
        },
      )
      .finally(() => {
        this.asked.delete(page);
        this.changed();
      });
  }

  private put(page: Page<L>, lines: L[]) {
    page.lines = lines.filter((line) => !page.known.has(keyOf(line)));
    if (!this.pages.includes(page)) {
      page.count = page.lines.length;
      this.isWhole = page.count === 0;
      if (!this.isWhole) this.pages.push(page);
    }
    this.forget(this.pages.indexOf(page));
  }

  /** Drops the pages farthest from the one that is looked at. The last one stays: what comes next follows from it. */
  private forget(here: number) {
    const held = this.pages.slice(0, -1).flatMap((page, i) => (page.lines ? [i] : []));
    held.sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const i of held.slice(0, Math.max(held.length - KEPT, 0))) {
      const page = this.pages[i];
      if (page) page.lines = undefined;
    }
  }
}
