// SPDX-License-Identifier: Apache-2.0
// One service: requests, errors and durations over time, what it is asked for, who asks, and what runs it.
import { useMemo } from 'preact/hooks';
import { ago, count, duration, oneLine, percent, rate } from '../logic/text';
import { Copy } from '../parts/copy';
import { ErrorRatio } from '../parts/figures';
import { ServiceDot, ServiceName } from '../parts/service_name';
import { Failed, NothingYet, Shown } from '../parts/states';
import { type Dot, TimeChart } from '../parts/time_chart';
import { href, isLive, type Range, rangeOf, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';

type History = Answered<'/api/clew/services/history'>;
type Edge = Answered<'/api/clew/map'>['edges'][number];

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
  const ratio = row.errors.map((errors, i) => (row.requests[i] ? errors / (row.requests[i] ?? 1) : null));
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
        lines={[{ label: 'errors', values: ratio, color: '--bad' }]}
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

function Operations({ name, range }: { name: string; range: Range }) {
  const operations = useGet('/api/clew/operations', { ...range, service: name });
  return (
    <section class="panel">
      <h2>Operations</h2>
      <Shown answer={operations}>
        {(data) => (
          <div class="wide-table">
            <table>
              <thead>
                <tr>
                  <th scope="col">Operation</th>
                  <th scope="col">Rate</th>
                  <th scope="col">Errors</th>
                  <th scope="col">p50</th>
                  <th scope="col">p95</th>
                  <th scope="col">p99</th>
                </tr>
              </thead>
              <tbody>
                {data.operations.slice(0, 200).map((row) => (
                  <tr key={row.operation}>
                    <th scope="row">
                      <a href={href('/ui/traces', { service: name, operation: row.operation, order: 'slowest' })}>
                        <bdi>{oneLine(row.operation, 120)}</bdi>
                      </a>
                    </th>
                    <td>{rate(row.requests_per_second)}</td>
                    <td>
                      <ErrorRatio ratio={row.error_ratio} />
                    </td>
                    <td>{duration(row.p50_ms)}</td>
                    <td>{duration(row.p95_ms)}</td>
                    <td>{duration(row.p99_ms)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
    </section>
  );
}

function Neighbours({
  title,
  edges,
  of,
  services,
}: {
  title: string;
  edges: Edge[];
  of: 'client' | 'server';
  services: Set<string>;
}) {
  return (
    <section class="panel">
      <h2>{title}</h2>
      {edges.length === 0 ? (
        <p class="muted">Nobody in this time range.</p>
      ) : (
        <table>
          <tbody>
            {edges.map((edge) => (
              <tr key={edge[of]}>
                <th scope="row">
                  {services.has(edge[of]) ? <ServiceName service={edge[of]} /> : <bdi>{oneLine(edge[of], 80)}</bdi>}
                </th>
                <td>{rate(edge.calls_per_second)}</td>
                <td>
                  <ErrorRatio ratio={edge.calls ? edge.errors / edge.calls : 0} />
                </td>
                <td>{duration(edge.p95_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Instances({ name, range }: { name: string; range: Range }) {
  const instances = useGet('/api/clew/instances', { ...range, service: name });
  return (
    <section class="panel">
      <h2>Instances and versions</h2>
      <Shown answer={instances}>
        {(data) => (
          <div class="wide-table">
            <table>
              <thead>
                <tr>
                  <th scope="col">Instance</th>
                  <th scope="col">Version</th>
                  <th scope="col">Requests</th>
                  <th scope="col">Errors</th>
                  <th scope="col">p95</th>
                  <th scope="col">Last request</th>
                </tr>
              </thead>
              <tbody>
                {data.instances.slice(0, 200).map((row, i) => (
                  <tr key={`${row.instance} ${i}`}>
                    <th scope="row">{oneLine(row.instance || row.host || 'not told', 60)}</th>
                    <td>{oneLine(row.version || '–', 40)}</td>
                    <td>{count(row.requests)}</td>
                    <td>
                      <ErrorRatio ratio={row.error_ratio} />
                    </td>
                    <td>{duration(row.p95_ms)}</td>
                    <td>{ago(row.last_request)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Shown>
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
