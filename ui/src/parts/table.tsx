// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';
import { count, duration, rate } from '../logic/text';
import { ErrorRatio } from './figures';

export interface Column<Row> {
  head: string;
  cell: (row: Row) => ComponentChildren;
  /** Words stand on the left of their column, figures on the right. */
  words?: boolean;
  /** The head is a button that orders the rows. */
  order?: { now: 'ascending' | 'descending' | 'none'; choose: () => void };
  class?: string;
}

interface Props<Row> {
  /** The first one names the row. */
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row, place: number) => string;
  /** More rows are counted, not shown. */
  most?: number;
  class?: string;
}

function Head<Row>({ column: { head, order } }: { column: Column<Row> }) {
  if (!order) return <>{head}</>;
  return (
    <button type="button" onClick={order.choose}>
      {head}
      <span aria-hidden="true">{order.now === 'none' ? '' : order.now === 'ascending' ? ' ↑' : ' ↓'}</span>
    </button>
  );
}

export function Table<Row>({ columns, rows, keyOf, most = 300, ...rest }: Props<Row>) {
  const [name, ...others] = columns;
  const classOf = (column: Column<Row>) =>
    [column.words && 'text', column.class].filter(Boolean).join(' ') || undefined;
  return (
    <div class="wide-table">
      <table class={rest.class}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={classOf(column)} aria-sort={column.order?.now}>
                <Head column={column} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row, i) => (
            <tr key={keyOf(row, i)}>
              <th scope="row">{name?.cell(row)}</th>
              {others.map((column) => (
                <td key={column.head} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && <p class="muted">and {count(rows.length - most)} more</p>}
    </div>
  );
}

interface Figures {
  requests_per_second: number;
  error_ratio: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
}

/** The columns of what has requests, errors and durations. */
export const FIGURE = {
  rate: { head: 'Rate', cell: (row: Figures) => rate(row.requests_per_second) },
  errors: { head: 'Errors', cell: (row: Pick<Figures, 'error_ratio'>) => <ErrorRatio ratio={row.error_ratio} /> },
  p50: { head: 'p50', cell: (row: Figures) => duration(row.p50_ms) },
  p95: { head: 'p95', cell: (row: Figures) => duration(row.p95_ms) },
  p99: { head: 'p99', cell: (row: Figures) => duration(row.p99_ms) },
};
