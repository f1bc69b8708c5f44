// SPDX-License-Identifier: Apache-2.0
// One trace: its waterfall with log lines in place, the critical path marked, and everything about the chosen span.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { hueOf } from '../logic/hue';
import { clock, count, counted, duration, moment, oneLine, valueText } from '../logic/text';
import {
  durationOf,
  find,
  isFailed,
  kindName,
  makeTrace,
  nameOf,
  type Row,
  type Rows,
  rowsOf,
  serviceOf,
  startOf,
  type Trace,
} from '../logic/trace';
import { around } from '../logic/walk';
import { Copy } from '../parts/copy';
import { ServiceDot, ServiceName } from '../parts/service_name';
import { SpanDetail } from '../parts/span_detail';
import { Shown } from '../parts/states';
import { VirtualList } from '../parts/virtual_list';
import { change, href, useAddress } from '../state/address';
import { type Key, useKeys } from '../state/keys';
import { useGet } from '../state/server';

const ROW = 26;

interface LineProps {
  trace: Trace;
  row: Row;
  isChosen: boolean;
  isFound: boolean;
  isClosed: boolean;
  onChoose: () => void;
  onToggle: () => void;
}

function LogLine({ trace, row, isChosen, onChoose }: LineProps) {
  const record = trace.outline.logs[row.log ?? 0];
  if (!record) return null;
  const at = (Date.parse(record.time) - Date.parse(trace.outline.start)) / (trace.duration / 1e6 || 1);
  return (
    <div class={`line log ${record.level} ${isChosen ? 'chosen' : ''}`}>
      <button type="button" class="label" style={{ paddingLeft: `${row.depth * 14 + 22}px` }} onClick={onChoose}>
        <span class={`level ${record.level}`}>{record.level}</span> <bdi>{oneLine(valueText(record.body), 200)}</bdi>
      </button>
      <span class="lane" aria-hidden="true" style={{ '--from': Math.min(Math.max(at, 0), 1) }}>
        <i class={`tick ${record.level}`} />
      </span>
    </div>
  );
}

function SpanLine({ trace, row, isChosen, isFound, isClosed, onChoose, onToggle }: LineProps) {
  const { span, depth } = row;
  const service = serviceOf(trace, span);
  const total = trace.duration || 1;
  const below = trace.below[span] ?? 0;
  const from = startOf(trace, span) / total;
  const part = Math.max(durationOf(trace, span) / total, 0.0015);
  const took = duration(durationOf(trace, span) / 1e6);
  const classes = [
    'line',
    isChosen && 'chosen',
    isFound && 'found',
    isFailed(trace, span) && 'failed',
    trace.critical[span] && 'critical',
  ];
  return (
    <div class={classes.filter(Boolean).join(' ')}>
      <span class="label" style={{ paddingLeft: `${Math.min(depth, 40) * 14}px` }}>
        {below > 0 ? (
          <button
            type="button"
            class="fold"
            tabIndex={-1}
            aria-label={isClosed ? `Open ${below} spans` : 'Close'}
            aria-expanded={!isClosed}
            onClick={onToggle}
          >
            {isClosed ? '▸' : '▾'}
          </button>
        ) : (
          <span class="fold" />
        )}
        <button type="button" class="choose" onClick={onChoose} aria-current={isChosen ? 'true' : undefined}>
          <ServiceDot service={service} />
          {isFailed(trace, span) && (
            <span class="bad" title="failed">
              ▲{' '}
            </span>
          )}
          <bdi class="of">{oneLine(service, 40)}</bdi> <bdi>{oneLine(nameOf(trace, span), 120)}</bdi>
          {isClosed && <small> +{count(below)}</small>}
        </button>
      </span>
      <span class="lane" onClick={onChoose} aria-hidden="true" style={{ '--from': from, '--part': part }}>
        <i class={`bar hue${hueOf(service)}`} />
        <small>{trace.critical[span] ? `${took} ◆` : took}</small>
      </span>
    </div>
  );
}

function Scale({ total }: { total: number }) {
  return (
    <div class="line scale" aria-hidden="true">
      <span class="label">Span</span>
      <span class="lane">
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <small key={part} style={{ '--from': part }}>
            {duration((total * part) / 1e6)}
          </small>
        ))}
        <small style={{ '--from': 1 }}>{duration(total / 1e6)}</small>
      </span>
    </div>
  );
}

/** Where each service's time lies, told in words and a bar: what one looks for first. */
function ServicesOf({ trace, start }: { trace: Trace; start: number }) {
  const figures = useMemo(() => {
    const found = new Map<string, { spans: number; failed: number }>();
    for (let span = 0; span < trace.size; span++) {
      const one = found.get(serviceOf(trace, span)) ?? { spans: 0, failed: 0 };
      one.spans++;
      one.failed += isFailed(trace, span) ? 1 : 0;
      found.set(serviceOf(trace, span), one);
    }
    return [...found].sort(([, a], [, b]) => b.spans - a.spans);
  }, [trace]);
  const span = around(start, trace.duration / 1e6);
  return (
    <ul class="chips">
      {figures.slice(0, 12).map(([service, one]) => (
        <li key={service}>
          <ServiceName service={service} params={span} /> <small>{count(one.spans)}</small>
          {one.failed > 0 && <small class="bad"> ▲ {count(one.failed)}</small>}
        </li>
      ))}
      {figures.length > 12 && <li class="muted">and {figures.length - 12} more</li>}
    </ul>
  );
}

function useTraceKeys(trace: Trace, rows: Rows, state: WaterfallState) {
  const latest = useRef({ trace, rows, state });
  latest.current = { trace, rows, state };
  const keys = useMemo<Key[]>(() => {
    const move = (by: number) => {
      const { rows, state } = latest.current;
      const next = Math.min(Math.max(state.place + by, 0), rows.length - 1);
      state.choose(rows.at(next));
    };
    const fold = (isClosed: boolean) => {
      const { rows, state } = latest.current;
      const span = rows.at(state.place)?.span;
      if (span !== undefined && span >= 0 && state.closed.has(span) !== isClosed) state.toggle(span);
    };
    const jump = (wanted: (trace: Trace, span: number) => boolean) => {
      const { trace, rows, state } = latest.current;
      const isWanted = (span: number) => wanted(trace, span);
      const after = rows.placeOfSpan(isWanted, state.place + 1);
      state.choose(rows.at(after >= 0 ? after : rows.placeOfSpan(isWanted)));
    };
    return [
      { keys: 'j', does: 'Next span or line', run: () => move(1) },
      { keys: 'k', does: 'Span or line before', run: () => move(-1) },
      { keys: 'ArrowDown', does: 'Next span or line', run: () => move(1) },
      { keys: 'ArrowUp', does: 'Span or line before', run: () => move(-1) },
      { keys: 'ArrowRight', does: 'Open what is below a span', run: () => fold(false) },
      { keys: 'ArrowLeft', does: 'Close what is below a span', run: () => fold(true) },
      { keys: 'e', does: 'Next failed span', run: () => jump(isFailed) },
      {
        keys: 'n',
        does: 'Next span that the search found',
        run: () => jump((_, span) => latest.current.state.found.has(span)),
      },
      {
        keys: 'c',
        does: 'Next span of the critical path',
        run: () => jump((trace, span) => trace.critical[span] === 1),
      },
    ];
  }, []);
  useKeys(keys);
}

interface WaterfallState {
  place: number;
  closed: ReadonlySet<number>;
  found: ReadonlySet<number>;
  choose: (row: Row | undefined) => void;
  toggle: (span: number) => void;
}

function Waterfall({ trace }: { trace: Trace }) {
  const { params } = useAddress();
  const { outline } = trace;
  const withLogs = params.get('logs') !== 'hidden';
  const [closed, setClosed] = useState<ReadonlySet<number>>(new Set());
  const rows = useMemo(() => rowsOf(trace, closed, withLogs), [trace, closed, withLogs]);
  const wanted = params.get('find') ?? '';
  const found = useMemo(() => (wanted ? find(trace, wanted) : new Set<number>()), [trace, wanted]);
  const spanId = params.get('span');
  const logAt = params.get('line');
  const span = useMemo(() => (spanId ? outline.span_id.indexOf(spanId) : -1), [outline, spanId]);
  const place = useMemo(
    () => (logAt ? rows.placeOfLog(Number(logAt)) : rows.placeOfSpan((one) => one === span)),
    [rows, span, logAt],
  );
  // Whoever comes with a search and no span sees the first that it found.
  const firstFound = useMemo(() => rows.placeOfSpan((one) => found.has(one)), [rows, found]);
  const choose = (row: Row | undefined) => {
    if (row)
      change({ span: outline.span_id[row.span], line: row.log === undefined ? undefined : String(row.log) }, true);
  };
  const toggle = (one: number) => {
    const next = new Set(closed);
    if (!next.delete(one)) next.add(one);
    setClosed(next);
  };
  useTraceKeys(trace, rows, { place, closed, found, choose, toggle });
  const chosenLog = logAt ? outline.logs[Number(logAt)] : undefined;
  return (
    <div class={span >= 0 || chosenLog ? 'trace-body with-detail' : 'trace-body'}>
      <section class="panel waterfall">
        <Scale total={trace.duration} />
        <VirtualList
          count={rows.length}
          rowHeight={ROW}
          label="Spans and log lines"
          focus={place >= 0 ? place : firstFound}
          class="spans"
        >
          {(i) => {
            const row = rows.at(i);
            if (!row) return null;
            const props = {
              trace,
              row,
              isChosen: i === place,
              isFound: found.has(row.span),
              isClosed: closed.has(row.span),
              onChoose: () => choose(row),
              onToggle: () => toggle(row.span),
            };
            return row.log === undefined ? <SpanLine {...props} /> : <LogLine {...props} />;
          }}
        </VirtualList>
      </section>
      {(span >= 0 || chosenLog) && (
        <SpanDetail
          trace={trace}
          span={span}
          log={chosenLog}
          onClose={() => change({ span: undefined, line: undefined }, true)}
        />
      )}
    </div>
  );
}

function Head({ trace, id }: { trace: Trace; id: string }) {
  const { params } = useAddress();
  const { outline } = trace;
  const root = trace.roots[0] ?? 0;
  const failed = outline.error.reduce((sum, one) => sum + one, 0);
  const start = Date.parse(outline.start);
  const withLogs = params.get('logs') !== 'hidden';
  return (
    <header class="title trace-title">
      <h1>
        {trace.size > 0 ? (
          <>
            <ServiceDot service={serviceOf(trace, root)} />{' '}
            <bdi class="muted">{oneLine(serviceOf(trace, root), 60)}</bdi>{' '}
            <bdi>{oneLine(nameOf(trace, root), 120)}</bdi>
          </>
        ) : (
          'Log lines of a trace without spans'
        )}
      </h1>
      <p class="facts">
        <b>{duration(trace.duration / 1e6)}</b> from {moment(outline.start)}
        {clock(outline.start).slice(8)} · {counted(trace.size, 'span')} ·{' '}
        {failed > 0 ? <span class="bad">▲ {count(failed)} failed</span> : 'none failed'} ·{' '}
        {counted(outline.logs.length, outline.logs_cut ? 'or more log line' : 'log line')} · <code>{id}</code>
        <Copy text={id} what="trace id" />
        {trace.size > 0 && kindName(trace, root) === '' && trace.outline.parent_span_id[root]
          ? ' · the root is not stored'
          : ''}
      </p>
      <ServicesOf trace={trace} start={start} />
      <p class="actions">
        <label class="field">
          <span>Find</span>
          <input
            type="search"
            value={params.get('find') ?? ''}
            placeholder="operation or service"
            onInput={(event) => change({ find: event.currentTarget.value || undefined }, true)}
          />
        </label>
        <label class="switch">
          <input
            type="checkbox"
            checked={withLogs}
            onChange={() => change({ logs: withLogs ? 'hidden' : undefined }, true)}
          />
          log lines
        </label>
        <span class="muted">◆ critical path</span>
        <a class="button" href={href('/ui/logs', { trace_id: id, ...around(start, trace.duration / 1e6) })}>
          Its logs
        </a>
      </p>
    </header>
  );
}

export function TraceView({ id }: { id: string }) {
  const answer = useGet('/api/clew/traces/{id}/outline', { id });
  const trace = useMemo(() => answer.data && makeTrace(answer.data), [answer.data]);
  useEffect(() => {
    if (trace && trace.size > 0) document.title = `${oneLine(nameOf(trace, trace.roots[0] ?? 0), 60)} · Clew`;
  }, [trace]);
  return (
    <Shown answer={answer}>
      {() =>
        trace && (
          <>
            <Head trace={trace} id={id} />
            <Waterfall trace={trace} />
          </>
        )
      }
    </Shown>
  );
}
