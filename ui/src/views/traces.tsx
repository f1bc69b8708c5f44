// SPDX-License-Identifier: Apache-2.0
// Search for traces: filters, a scatter of duration over time, the list.
import { useMemo, useState } from 'preact/hooks';
import { clock, counted, duration, oneLine } from '../logic/text';
import { useApart } from '../parts/apart';
import { CopyCommand } from '../parts/copy';
import { Choice, Field, Filters, Offered, ServiceField, Switch } from '../parts/field';
import { PanelHead } from '../parts/panel';
import { ServiceDot } from '../parts/service_name';
import { NoRows, Shown } from '../parts/states';
import { type Dot, TimeChart } from '../parts/time_chart';
import { VirtualList } from '../parts/virtual_list';
import { address, change, href, rangeOf, useAddress, visit } from '../state/address';
import { type Key, useKeys } from '../state/keys';
import { type Answered, type Question, useGet } from '../state/server';

type Summary = Answered<'/api/clew/traces'>['traces'][number];

const LIMIT = 500;
const FILTERS = ['service', 'operation', 'attribute', 'min_duration', 'max_duration', 'errors'];

function questionOf(params: URLSearchParams): Question<'/api/clew/traces'> {
  const text = (name: string) => params.get(name) ?? '';
  const attributes = params.getAll('attribute').filter(Boolean);
  return {
    ...rangeOf(params),
    service: text('service'),
    operation: text('operation'),
    ...(attributes.length > 0 ? { attribute: attributes } : {}),
    min_duration: text('min_duration'),
    max_duration: text('max_duration'),
    ...(params.get('errors') === 'true' ? { errors: true } : {}),
    order: params.get('order') === 'slowest' ? 'slowest' : 'newest',
    limit: LIMIT,
  };
}

function Row({ trace, longest, isChosen }: { trace: Summary; longest: number; isChosen: boolean }) {
  const others = trace.services.filter((one) => one.service !== trace.root_service);
  return (
    <a class={`trace-row ${isChosen ? 'chosen' : ''}`} href={href(`/ui/traces/${trace.trace_id}`)}>
      <span class="time">{clock(trace.start)}</span>
      <span class="what">
        <ServiceDot service={trace.root_service} />
        <bdi class="muted">{oneLine(trace.root_service, 40)}</bdi> <bdi>{oneLine(trace.root_name, 90)}</bdi>
        {!trace.complete && <span class="tag">no root</span>}
      </span>
      <span class="through muted">
        {counted(trace.spans, 'span')}
        {others.length > 0 && `, ${trace.services.length} services`}
      </span>
      <span class="failed-count">{trace.errors > 0 && <span class="bad">▲ {trace.errors} failed</span>}</span>
      <span class="took">
        <i
          class={trace.errors > 0 ? 'bar bad' : 'bar'}
          style={{ width: `${(trace.duration_ms / longest) * 100}%` }}
          aria-hidden="true"
        />
        {trace.errors > 0 && (
          <span class="bad sign" aria-hidden="true">
            ▲
          </span>
        )}
        {duration(trace.duration_ms)}
      </span>
    </a>
  );
}

function OpenById() {
  return (
    <label class="field">
      <span>Trace id</span>
      <input
        type="search"
        placeholder="32 digits"
        spellcheck={false}
        onChange={(event) => {
          const id = event.currentTarget.value.trim();
          if (id) visit(href(`/ui/traces/${encodeURIComponent(id)}`));
        }}
      />
    </label>
  );
}

function Search() {
  const { params } = useAddress();
  const range = rangeOf(params);
  const service = params.get('service');
  const operations = useGet(
    '/api/clew/operations',
    { ...range, service: service ?? '' },
    { enabled: Boolean(service) },
  );
  return (
    <Filters names={FILTERS}>
      <ServiceField />
      <Field name="operation" label="Operation" list="operations" size="wide" />
      <Field name="attribute" label="Attribute" placeholder="http.route=/cart" size="wide" />
      <Field name="min_duration" label="At least" placeholder="250ms" size="short" />
      <Field name="max_duration" label="At most" placeholder="2s" size="short" />
      <Choice
        name="order"
        label="Order"
        options={[
          ['', 'newest'],
          ['slowest', 'slowest'],
        ]}
      />
      <Switch name="errors">failed only</Switch>
      <OpenById />
      <Offered id="operations" texts={operations.data?.operations.map((one) => one.operation)} />
    </Filters>
  );
}

export function Traces() {
  const { params } = useAddress();
  const question = questionOf(params);
  const found = useGet('/api/clew/traces', question);
  const { service = '', operation = '' } = question;
  const apart = useApart({ signal: 'spans', service, operation }, rangeOf(params));
  const [chosen, choose] = useState(-1);
  const traces = found.data?.traces ?? [];
  const keys = useMemo<Key[]>(
    () => [
      { keys: 'j', does: 'Next trace', run: () => choose((n) => Math.min(n + 1, LIMIT - 1)) },
      { keys: 'k', does: 'Trace before', run: () => choose((n) => Math.max(n - 1, 0)) },
      {
        keys: 'Enter',
        does: 'Open the chosen trace',
        run: () => document.querySelector<HTMLElement>('.trace-row.chosen')?.click(),
      },
      {
        keys: 'e',
        does: 'Failed traces only',
        run: () => change({ errors: address().params.get('errors') ? undefined : 'true' }),
      },
    ],
    [],
  );
  useKeys(keys);
  const dots = traces.map(
    (one): Dot => ({
      time: Date.parse(one.start),
      value: one.duration_ms,
      href: href(`/ui/traces/${one.trace_id}`),
      failed: one.errors > 0,
    }),
  );
  const longest = Math.max(...traces.map((one) => one.duration_ms), 1e-9);
  return (
    <>
      <h1 class="unseen">Traces</h1>
      <Search />
      <Shown answer={found}>
        {(data) => {
          if (data.traces.length === 0) return <NoRows what="traces" filters={FILTERS} />;
          return (
            <section class="panel">
              <PanelHead
                title={
                  data.traces.length < LIMIT
                    ? counted(data.traces.length, 'trace')
                    : `The ${question.order} ${LIMIT} traces`
                }
                small={data.traces.length < LIMIT ? undefined : 'a narrower search shows all'}
                note={<CopyCommand view="traces" />}
              >
                {apart.choice}
              </PanelHead>
              {apart.found}
              <TimeChart
                title="Duration"
                start={Date.parse(data.from)}
                step={Date.parse(data.to) - Date.parse(data.from)}
                lines={[]}
                dots={dots}
                unit={duration}
                height={170}
              />
              <VirtualList count={data.traces.length} rowHeight={34} label="Traces" focus={chosen} class="traces">
                {(i) => {
                  const trace = data.traces[i];
                  return trace && <Row trace={trace} longest={longest} isChosen={i === chosen} />;
                }}
              </VirtualList>
            </section>
          );
        }}
      </Shown>
    </>
  );
}
