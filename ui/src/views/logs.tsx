// SPDX-License-Identifier: Apache-2.0
// Log lines: search, their number over time, the lines themselves (more are asked for at the end), templates.
import { useCallback, useMemo, useState } from 'preact/hooks';
import { OlderLines, olderThan } from '../logic/log_pages';
import { linesOf } from '../logic/templates';
import { ago, clock, count, moment, oneLine, valueText } from '../logic/text';
import { useApart } from '../parts/apart';
import { CopyCommand } from '../parts/copy';
import { Choice, Field, Filters, ServiceField, Switch } from '../parts/field';
import { PanelHead } from '../parts/panel';
import { ServiceDot, ServiceName } from '../parts/service_name';
import { LogDetail, type LogRecord } from '../parts/span_detail';
import { Spark } from '../parts/spark';
import { Failed, NoRows, Shown } from '../parts/states';
import { type Column, Table } from '../parts/table';
import { TimeChart } from '../parts/time_chart';
import { VirtualList } from '../parts/virtual_list';
import { address, change, href, rangeOf, useAddress } from '../state/address';
import { type Key, useKeys } from '../state/keys';
import { type Answered, get, type Question, useGet } from '../state/server';

const PAGE = 500;
const NONE: LogRecord[] = [];
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

type Template = Answered<'/api/clew/logs/templates'>['templates'][number];
type Asked = Omit<Question<'/api/clew/logs'>, 'limit' | 'order'>;

function filtersOf(params: URLSearchParams): Asked {
  const words = params.getAll('text').filter(Boolean);
  const attributes = params.getAll('attribute').filter(Boolean);
  const severity = params.get('severity') as Asked['severity'] | null;
  return {
    ...rangeOf(params),
    service: params.get('service') ?? '',
    ...(words.length > 0 ? { text: words } : {}),
    ...(severity ? { severity } : {}),
    ...(attributes.length > 0 ? { attribute: attributes } : {}),
    trace_id: params.get('trace_id') ?? '',
  };
}

function Histogram({ filters, every }: { filters: Asked; every: number | false }) {
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

/** The newest page from the cache, older ones as the list's end comes near. */
function useLines(filters: Asked, every: number | false) {
  const newest = useGet('/api/clew/logs', { ...filters, limit: PAGE }, { every, still: true });
  const [, redraw] = useState(0);
  const key = JSON.stringify(filters);
  const older = useMemo(() => {
    const question = { ...(JSON.parse(key) as Asked), ...(newest.data && { from: newest.data.from }), limit: PAGE };
    const tenant = address().params.get('tenant');
    return new OlderLines<LogRecord>(
      (to) => get('/api/clew/logs', { ...question, to }, tenant).then(({ logs }) => logs),
      () => redraw((n) => n + 1),
    );
  }, [key, newest.data]);
  const first = newest.data?.logs ?? NONE;
  const hasMore = first.length >= PAGE && !every;
  const more = useCallback(() => {
    if (hasMore) older.more(first);
  }, [older, first, hasMore]);
  return {
    newest,
    more,
    count: first.length + (hasMore ? older.count : 0),
    at: (place: number) => (place < first.length ? first[place] : older.at(place - first.length)),
    holds: (name: string) => [...first, ...older.loaded()].some((log) => nameOf(log) === name),
    failure: older.failure,
    again: () => {
      older.again();
      more();
    },
    isWhole: first.length < PAGE || older.isWhole,
  };
}

function Span({ newest, oldest }: { newest: LogRecord | undefined; oldest: LogRecord | undefined }) {
  if (!newest || !oldest) return null;
  return (
    <>
      {moment(oldest.time)} – {moment(newest.time)}
    </>
  );
}

const nameOf = (log: LogRecord) => `${log.time} ${log.service}`;

/** The line that the address names, where it is not among those that are loaded. */
function Named({ line, onClose }: { line: string; onClose: () => void }) {
  const [time = '', ...words] = line.split(' ');
  const isTime = !Number.isNaN(Date.parse(time));
  const answer = useGet(
    '/api/clew/logs',
    isTime ? { from: time, to: olderThan({ time, service: '' }), service: words.join(' '), limit: 1 } : {},
    { enabled: isTime },
  );
  const log = isTime ? answer.data?.logs[0] : undefined;
  if (!log || nameOf(log) !== line) return null;
  return (
    <div class="named">
      <Line log={log} isOpen isChosen={false} onToggle={onClose} />
    </div>
  );
}

interface LineProps {
  log: LogRecord;
  isOpen: boolean;
  isChosen: boolean;
  onToggle: () => void;
}

function Line({ log, isOpen, isChosen, onToggle }: LineProps) {
  return (
    <div class={`log-line ${isOpen ? 'open' : ''} ${isChosen ? 'chosen' : ''}`}>
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

const TEMPLATES: Column<Template>[] = [
  {
    head: 'Template',
    cell: (one) => (
      <a href={href('/ui/logs', linesOf(one))} title={oneLine(one.example, 300)}>
        <bdi class="template">{oneLine(one.template, 300)}</bdi>
      </a>
    ),
  },
  { head: 'Level', words: true, cell: (one) => <span class={`level ${one.level}`}>{one.level}</span> },
  { head: 'Service', words: true, cell: (one) => <ServiceName service={one.service} /> },
  {
    head: 'Lines',
    cell: (one) => (
      <span class="pair">
        {count(one.records)}
        <Spark values={one.counts} kind={one.level === 'error' || one.level === 'critical' ? 'error' : 'rate'} />
      </span>
    ),
  },
  { head: 'Last seen', cell: (one) => ago(one.last_seen) },
  {
    head: 'A trace',
    cell: (one) => one.example_trace_id && <a href={href(`/ui/traces/${one.example_trace_id}`)}>Trace</a>,
  },
];

/** What the lines of the range have in common, counted by the server over all that came. */
function Templates({ filters }: { filters: Asked }) {
  const { service, from, to } = filters;
  const answer = useGet('/api/clew/logs/templates', {
    ...(service ? { service } : {}),
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
    points: 48,
    limit: 300,
  });
  return (
    <Shown answer={answer}>
      {(data) => (
        <>
          <p class="muted">
            All lines of the range{service ? ` of ${oneLine(service, 60)}` : ''}, counted by minutes, without the other
            filters; {'<*>'} is what differs.
            {data.complete ? '' : ' Some of the last minutes are not counted yet.'}
          </p>
          <Table columns={TEMPLATES} rows={data.templates} keyOf={(one) => `${one.service} ${one.id}`} />
          {data.total > data.templates.length && (
            <p class="muted">and {count(data.total - data.templates.length)} rarer ones</p>
          )}
        </>
      )}
    </Shown>
  );
}

function FilterFields() {
  return (
    <Filters names={FILTERS}>
      <Field name="text" label="Text" placeholder="in the line" size="wide" />
      <ServiceField />
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
    </Filters>
  );
}

const toggleTemplates = () =>
  change({ view: address().params.get('view') === 'templates' ? undefined : 'templates' }, true);

export function Logs() {
  const { params } = useAddress();
  const filters = filtersOf(params);
  const isTail = params.get('tail') === 'true' && !filters.to;
  const every = isTail && TAIL;
  const lines = useLines(filters, every);
  const apart = useApart({ signal: 'logs', service: filters.service ?? '', operation: '' }, rangeOf(params));
  const open = params.get('line');
  const toggle = (name: string) => change({ line: open === name ? undefined : name }, true);
  const [chosen, choose] = useState(-1);
  const keys = useMemo<Key[]>(
    () => [
      { keys: 'j', does: 'Next line', run: () => choose((n) => n + 1) },
      { keys: 'k', does: 'Line before', run: () => choose((n) => Math.max(n - 1, 0)) },
      {
        keys: 'Enter',
        does: 'Open or close the chosen line',
        run: () => document.querySelector<HTMLElement>('.log-line.chosen > button')?.click(),
      },
      {
        keys: 'e',
        does: 'Errors only',
        run: () => change({ severity: address().params.get('severity') === 'error' ? undefined : 'error' }),
      },
      { keys: 'p', does: 'Templates, or lines', run: toggleTemplates },
    ],
    [],
  );
  useKeys(keys);
  const place = Math.min(chosen, lines.count - 1);
  const showsTemplates = params.get('view') === 'templates';
  return (
    <>
      <h1 class="unseen">Logs</h1>
      <FilterFields />
      <Shown answer={lines.newest}>
        {() => {
          if (lines.count === 0) return <NoRows what="log lines" filters={FILTERS} />;
          return (
            <section class="panel">
              <Histogram filters={filters} every={every} />
              <PanelHead
                title={isTail ? 'Live, newest first' : 'Newest first'}
                small={`${count(lines.count)} loaded${lines.isWhole ? ', all' : ''}`}
                note={
                  <>
                    <Span newest={lines.at(0)} oldest={lines.at(lines.count - 1)} /> <CopyCommand view="logs" />
                  </>
                }
              >
                <button type="button" aria-pressed={showsTemplates} onClick={toggleTemplates}>
                  Templates
                </button>
                {apart.choice}
              </PanelHead>
              {apart.found}
              {open && !lines.holds(open) && <Named line={open} onClose={() => toggle(open)} />}
              {lines.failure && <Failed error={lines.failure} again={lines.again} />}
              {showsTemplates ? (
                <Templates filters={filters} />
              ) : (
                <VirtualList
                  count={lines.count}
                  rowHeight={26}
                  label="Log lines"
                  measured
                  focus={place}
                  onEnd={lines.more}
                  class="lines"
                >
                  {(i) => {
                    const log = lines.at(i);
                    if (!log) return <div class="log-line waiting">…</div>;
                    const name = nameOf(log);
                    return (
                      <Line log={log} isOpen={open === name} isChosen={i === place} onToggle={() => toggle(name)} />
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
