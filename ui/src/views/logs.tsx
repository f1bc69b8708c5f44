// SPDX-License-Identifier: Apache-2.0
// Log lines: search, their number over time, the lines themselves (more are asked for at the end), patterns.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { keyOf, olderThan } from '../logic/log_pages';
import { patternsOf } from '../logic/patterns';
import { clock, count, moment, oneLine, valueText } from '../logic/text';
import { Choice, Field, Switch } from '../parts/field';
import { ServiceDot } from '../parts/service_name';
import { LogDetail, type LogRecord } from '../parts/span_detail';
import { Failed, NoMatch, NothingYet, Shown } from '../parts/states';
import { TimeChart } from '../parts/time_chart';
import { VirtualList } from '../parts/virtual_list';
import { address, change, rangeOf, useAddress } from '../state/address';
import { get, type Question, useGet } from '../state/server';

const PAGE = 500;
const TAIL = 2_000;
const FILTERS = ['service', 'text', 'severity', 'attribute', 'trace_id'];
const LEVEL_COLORS: Record<string, string> = {
  critical: '--bad',
  error: '--bad',
  warn: '--warn',
  info: '--line1',
  debug: '--line2',
  trace: '--line2',
  unknown: '--muted',
};

type Filters = Omit<Question<'/api/clew/logs'>, 'limit' | 'order'>;

function filtersOf(params: URLSearchParams): Filters {
  const words = params.getAll('text').filter(Boolean);
  const attributes = params.getAll('attribute').filter(Boolean);
  const severity = params.get('severity') as Filters['severity'] | null;
  return {
    ...rangeOf(params),
    service: params.get('service') ?? '',
    ...(words.length > 0 ? { text: words } : {}),
    ...(severity ? { severity } : {}),
    ...(attributes.length > 0 ? { attribute: attributes } : {}),
    trace_id: params.get('trace_id') ?? '',
  };
}

function Histogram({ filters, every }: { filters: Filters; every: number | false }) {
  const found = useGet('/api/clew/logs/histogram', { ...filters, points: 100 }, { every });
  if (!found.data || found.data.levels.length === 0) return null;
  return (
    <TimeChart
      title="Lines"
      start={Date.parse(found.data.start)}
      step={found.data.step_ms}
      unit={count}
      height={110}
      lines={found.data.levels.toReversed().map((row) => ({
        label: row.level,
        values: row.counts,
        color: LEVEL_COLORS[row.level] ?? '--muted',
        bars: true,
      }))}
    />
  );
}

/** The newest page from the cache, older ones as the list's end comes into sight. */
function useLines(filters: Filters, every: number | false) {
  const newest = useGet('/api/clew/logs', { ...filters, limit: PAGE }, { every });
  const [older, setOlder] = useState<LogRecord[]>([]);
  const [state, setState] = useState<'more' | 'asking' | 'end' | Error>('more');
  const key = JSON.stringify(filters);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other filters begin anew
  useEffect(() => {
    setOlder([]);
    setState('more');
  }, [key]);
  const first = newest.data?.logs;
  const lines = useMemo(() => [...(first ?? []), ...older], [first, older]);
  const isWhole = first !== undefined && first.length < PAGE;
  const from = newest.data?.from;
  const more = useCallback(() => {
    const last = lines.at(-1);
    if (state !== 'more' || isWhole || !last || every || !from) return;
    setState('asking');
    get(
      '/api/clew/logs',
      { ...(JSON.parse(key) as Filters), from, to: olderThan(last), limit: PAGE },
      address().params.get('tenant'),
    ).then(
      ({ logs }) => {
        const known = new Set(lines.slice(-PAGE).map(keyOf));
        const fresh = logs.filter((record) => !known.has(keyOf(record)));
        setOlder((before) => [...before, ...fresh]);
        setState(fresh.length === 0 ? 'end' : 'more');
      },
      (failure: Error) => setState(failure),
    );
  }, [lines, state, isWhole, every, key, from]);
  return {
    newest,
    lines,
    more,
    failure: state instanceof Error ? state : undefined,
    again: () => setState('more'),
    isWhole: isWhole || state === 'end',
  };
}

function Line({ log, isOpen, onToggle }: { log: LogRecord; isOpen: boolean; onToggle: () => void }) {
  return (
    <div class={isOpen ? 'log-line open' : 'log-line'}>
      <button type="button" class="log-row" aria-expanded={isOpen} onClick={onToggle}>
        <span class="time">{clock(log.time)}</span>
        <span class={`level ${log.level}`}>{log.level}</span>
        <span class="who">
          <ServiceDot service={log.service} />
          <bdi>{oneLine(log.service, 30)}</bdi>
        </span>
        <bdi class="body">{oneLine(valueText(log.body))}</bdi>
        {log.trace_id && (
          <span class="has-trace" title="has a trace">
            ⌁
          </span>
        )}
      </button>
      {isOpen && <LogDetail log={log} />}
    </div>
  );
}

function Patterns({ lines }: { lines: LogRecord[] }) {
  const patterns = useMemo(
    () => patternsOf(lines.map((record) => ({ body: valueText(record.body), level: record.level }))),
    [lines],
  );
  return (
    <div class="wide-table">
      <p class="muted">
        Of the {count(lines.length)} lines that are loaded; what differs in numbers, ids and quoted words only is one
        pattern.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">Pattern</th>
            <th scope="col">Levels</th>
            <th scope="col">Lines</th>
          </tr>
        </thead>
        <tbody>
          {patterns.slice(0, 100).map((pattern) => (
            <tr key={pattern.text}>
              <th scope="row">
                <bdi>{oneLine(pattern.text, 300)}</bdi>
              </th>
              <td>{[...pattern.levels.keys()].join(', ')}</td>
              <td>{count(pattern.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FilterFields() {
  const services = useGet('/api/clew/services', rangeOf(useAddress().params));
  return (
    <search class="panel filters">
      <Field name="text" label="Text" placeholder="in the line" size="wide" />
      <Field name="service" label="Service" list="services" />
      <Choice
        name="severity"
        label="Level"
        options={[
          ['', 'all'],
          ['debug', 'debug and above'],
          ['info', 'info and above'],
          ['warn', 'warn and above'],
          ['error', 'error and above'],
          ['fatal', 'critical'],
        ]}
      />
      <Field name="attribute" label="Attribute" placeholder="code.function.name=pay" size="wide" />
      <Field name="trace_id" label="Trace id" />
      <Switch name="tail">live tail</Switch>
      <datalist id="services">
        {services.data?.services.map((one) => (
          <option key={one.service} value={one.service} />
        ))}
      </datalist>
    </search>
  );
}

export function Logs() {
  const { params } = useAddress();
  const filters = filtersOf(params);
  const isTail = params.get('tail') === 'true' && !filters.to;
  const every = isTail && TAIL;
  const { newest, lines, more, failure, again, isWhole } = useLines(filters, every);
  const [open, setOpen] = useState<string>();
  const isFiltered = FILTERS.some((name) => params.get(name));
  const showsPatterns = params.get('view') === 'patterns';
  return (
    <>
      <h1 class="unseen">Logs</h1>
      <FilterFields />
      <Shown answer={newest}>
        {() => {
          if (lines.length === 0) {
            return isFiltered ? (
              <NoMatch what="log lines" hint="Take a filter away, or choose a longer time range." />
            ) : (
              <NothingYet what="log lines" />
            );
          }
          return (
            <section class="panel">
              <Histogram filters={filters} every={every} />
              <header class="panel-head">
                <h2>
                  {isTail ? 'Live, newest first' : 'Newest first'}{' '}
                  <small>
                    {count(lines.length)} loaded{isWhole ? ', all' : ''}
                  </small>
                </h2>
                <button
                  type="button"
                  aria-pressed={showsPatterns}
                  onClick={() => change({ view: showsPatterns ? undefined : 'patterns' }, true)}
                >
                  Patterns
                </button>
                <span class="muted span">
                  {lines[0] && moment(lines[0].time)} – {moment(lines.at(-1)?.time ?? '')}
                </span>
              </header>
              {failure && <Failed error={failure} again={again} />}
              {showsPatterns ? (
                <Patterns lines={lines} />
              ) : (
                <VirtualList count={lines.length} rowHeight={26} label="Log lines" measured onEnd={more} class="lines">
                  {(i) => {
                    const log = lines[i];
                    if (!log) return null;
                    const key = keyOf(log);
                    return (
                      <Line log={log} isOpen={open === key} onToggle={() => setOpen(open === key ? undefined : key)} />
                    );
                  }}
                </VirtualList>
              )}
            </section>
          );
        }}
      </Shown>
    </>
  );
}
