// SPDX-License-Identifier: Apache-2.0
// One service: requests, errors and durations over time, what it is asked for, who asks, and what runs it.
import { useMemo } from 'preact/hooks';
import { type MapEdge, withFigures } from '../logic/edges';
import { errorRatios } from '../logic/history';
import { ago, count, duration, oneLine, percent, rate } from '../logic/text';
import { useApart } from '../parts/apart';
import { Copy } from '../parts/copy';
import { PanelHead } from '../parts/panel';
import { NodeName, ServiceDot } from '../parts/service_name';
import { Failed, NothingYet, Shown } from '../parts/states';
import { type Column, FIGURE, Table } from '../parts/table';
import { type Dot, TimeChart } from '../parts/time_chart';
import { href, isLive, type Range, rangeOf, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';

type History = Answered<'/api/clew/services/history'>;

function Charts({ history, name, range }: { history: History; name: string; range: Range }) {
  const slow = useGet('/api/clew/traces', { ...range, service: name, order: 'slowest', limit: 40 });
  const failed = useGet('/api/clew/traces', { ...range, service: name, errors: true, limit: 20 });
  const dots = useMemo(() => {
    const found = new Map(
      [...(slow.data?.traces ?? []), ...(failed.data?.traces ?? [])].map((one) => [one.trace_id, one]),
    );
    return [...found.values()].map(
      (one): Dot => ({
        time: Date.parse(one.start),
        value: one.duration_ms,
        href: href(`/ui/traces/${one.trace_id}`),
        failed: one.errors > 0,
      }),
    );
  }, [slow.data, failed.data]);
  const row = history.services[0];
  if (!row) return null;
  const shared = { start: Date.parse(history.start), step: history.step_ms };
  const seconds = history.step_ms / 1e3;
  const perSecond = row.requests.map((requests) => requests / seconds);
  return (
    <div class="charts">
      <TimeChart
        {...shared}
        title="Requests"
        unit={rate}
        lines={[{ label: 'rate', values: perSecond, color: '--accent' }]}
      />
      <TimeChart
        {...shared}
        title="Errors"
        unit={percent}
        lines={[{ label: 'errors', values: errorRatios(row), color: '--bad' }]}
      />
      <TimeChart
        {...shared}
        title="Duration"
        unit={duration}
        dots={dots}
        lines={[
          { label: 'p99', values: row.p99_ms, color: '--line3', dash: [2, 3] },
          { label: 'p95', values: row.p95_ms, color: '--line1' },
          { label: 'p50', values: row.p50_ms, color: '--line2', dash: [6, 3] },
        ]}
      />
    </div>
  );
}

type Operation = Answered<'/api/clew/operations'>['operations'][number];
type Instance = Answered<'/api/clew/instances'>['instances'][number];

function Operations({ name, range }: { name: string; range: Range }) {
  const operations = useGet('/api/clew/operations', { ...range, service: name });
  const apart = useApart({ signal: 'spans', service: name, operation: '' }, range);
  const columns: Column<Operation>[] = [
    {
      head: 'Operation',
      cell: (row) => (
        <a href={href('/ui/traces', { service: name, operation: row.operation, order: 'slowest' })}>
          <bdi>{oneLine(row.operation, 120)}</bdi>
        </a>
      ),
    },
    FIGURE.rate,
    FIGURE.errors,
    FIGURE.p50,
    FIGURE.p95,
    FIGURE.p99,
  ];
  return (
    <section class="panel">
      <PanelHead title="Operations">{apart.choice}</PanelHead>
      {apart.found}
      <Shown answer={operations}>
        {(data) => <Table columns={columns} rows={data.operations} keyOf={(row) => row.operation} />}
      </Shown>
    </section>
  );
}

const INSTANCES: Column<Instance>[] = [
  { head: 'Instance', cell: (row) => <bdi>{oneLine(row.instance || row.host || 'not told', 60)}</bdi> },
  { head: 'Version', cell: (row) => <bdi>{oneLine(row.version || '–', 40)}</bdi> },
  { head: 'Requests', cell: (row) => count(row.requests) },
  FIGURE.errors,
  FIGURE.p95,
  { head: 'Last request', cell: (row) => ago(row.last_request) },
];

function Instances({ name, range }: { name: string; range: Range }) {
  const instances = useGet('/api/clew/instances', { ...range, service: name });
  return (
    <section class="panel">
      <PanelHead title="Instances and versions" />
      <Shown answer={instances}>
        {(data) => (
          <Table columns={INSTANCES} rows={data.instances} keyOf={(row, i) => `${row.instance} ${row.version} ${i}`} />
        )}
      </Shown>
    </section>
  );
}

interface NeighboursProps {
  title: string;
  edges: MapEdge[];
  of: 'client' | 'server';
  services: Set<string>;
}

function Neighbours({ title, edges, of, services }: NeighboursProps) {
  return (
    <section class="panel">
      <PanelHead title={title} />
      {edges.length === 0 ? (
        <p class="muted">Nobody in this time range.</p>
      ) : (
        <Table
          columns={[
            { head: 'Who', cell: (edge) => <NodeName name={edge[of]} services={services} /> },
            FIGURE.rate,
            FIGURE.errors,
            FIGURE.p95,
          ]}
          rows={edges.map(withFigures)}
          keyOf={(edge) => edge[of]}
        />
      )}
    </section>
  );
}

export function Service() {
  const { params } = useAddress();
  const name = params.get('name') ?? '';
  const range = rangeOf(params);
  const every = isLive(range) && 15_000;
  const history = useGet(
    '/api/clew/services/history',
    { ...range, service: name, points: 90 },
    { every, enabled: name !== '' },
  );
  const map = useGet('/api/clew/map', range);
  const services = useMemo(
    () => new Set(map.data?.nodes.filter((node) => node.kind === 'service').map((node) => node.name)),
    [map.data],
  );
  if (!name) return <Failed error={new Error('No service is named in this address. Choose one on the overview.')} />;
  const edges = map.data?.edges ?? [];
  return (
    <>
      <header class="title">
        <h1>
          <ServiceDot service={name} /> <bdi>{oneLine(name, 120)}</bdi> <Copy text={name} what="name" />
        </h1>
        <p class="actions">
          <a class="button" href={href('/ui/traces', { service: name })}>
            Traces
          </a>
          <a class="button" href={href('/ui/logs', { service: name })}>
            Logs
          </a>
          <a class="button" href={href('/ui/map', { focus: name })}>
            On the map
          </a>
          <a class="button" href={href('/ui/why', { service: name })}>
            What is wrong with it
          </a>
        </p>
      </header>
      <Shown answer={history}>
        {(data) =>
          data.services.length === 0 && map.data && !services.has(name) ? (
            <NothingYet what={`requests of ${oneLine(name, 60)}`} />
          ) : (
            <>
              <Charts history={data} name={name} range={range} />
              <Operations name={name} range={range} />
              <div class="halves">
                <Neighbours
                  title="Called by"
                  edges={edges.filter((edge) => edge.server === name)}
                  of="client"
                  services={services}
                />
                <Neighbours
                  title="Calls"
                  edges={edges.filter((edge) => edge.client === name)}
                  of="server"
                  services={services}
                />
              </div>
              <Instances name={name} range={range} />
            </>
          )
        }
      </Shown>
    </>
  );
}
