// SPDX-License-Identifier: Apache-2.0
// What is wrong now, then every service by rate, errors and duration.
import { useMemo } from 'preact/hooks';
import { clock, duration, moment, oneLine, rate } from '../logic/text';
import { Copy } from '../parts/copy';
import { Field } from '../parts/field';
import { ErrorRatio } from '../parts/figures';
import { ServiceName } from '../parts/service_name';
import { Spark } from '../parts/spark';
import { NoMatch, NothingYet, Shown } from '../parts/states';
import { change, href, isLive, rangeOf, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';

type Service = Answered<'/api/clew/services'>['services'][number];
type History = Answered<'/api/clew/services/history'>['services'][number];

const REFRESH = 15_000;

function NowWrong() {
  const why = useGet('/api/clew/why', {}, { every: 2 * REFRESH });
  const found = why.data;
  if (!found?.incident) {
    return (
      <section class="now calm" aria-label="What is wrong now">
        {why.error ? (
          <p>What is wrong now is not known: {why.error.message}</p>
        ) : (
          <p>
            {found && (
              <span class="good" aria-hidden="true">
                ✓{' '}
              </span>
            )}
            {found ? 'Nothing stands out in the last half hour.' : 'Looking for what is wrong now…'}
          </p>
        )}
      </section>
    );
  }
  const [cause] = found.causes;
  const target = href('/ui/why', { at: found.from, until: found.to, from: undefined, to: undefined });
  return (
    <section class="now incident" aria-label="What is wrong now">
      <div>
        <p class="since">
          <span aria-hidden="true">▲ </span>Incident since {clock(found.from).slice(0, 8)}
          {cause && (
            <>
              {' · '}
              <span class="tag">{cause.kind}</span> in <ServiceName service={cause.service} />
            </>
          )}
        </p>
        <p class="summary">{oneLine(found.summary, 500)}</p>
      </div>
      <p class="actions">
        <a class="button primary" href={target}>
          See why
        </a>
        <Copy text={found.summary} what="summary" />
      </p>
    </section>
  );
}

const ORDERS: Record<string, (a: Service, b: Service) => number> = {
  service: (a, b) => a.service.localeCompare(b.service),
  rate: (a, b) => b.requests - a.requests,
  errors: (a, b) => b.error_ratio - a.error_ratio || b.requests - a.requests,
  p95: (a, b) => b.p95_ms - a.p95_ms,
};

function Head({ name, children }: { name: string; children: string }) {
  const order = useAddress().params.get('order') ?? 'errors';
  return (
    <th scope="col" aria-sort={order === name ? (name === 'service' ? 'ascending' : 'descending') : 'none'}>
      <button type="button" onClick={() => change({ order: name === 'errors' ? undefined : name }, true)}>
        {children}
        <span aria-hidden="true">{order === name ? ' ↓' : ''}</span>
      </button>
    </th>
  );
}

function ServiceRow({ row, history }: { row: Service; history: History | undefined }) {
  return (
    <tr>
      <th scope="row">
        <ServiceName service={row.service} />
      </th>
      <td>
        <span class="pair">
          {rate(row.requests_per_second)}
          {history && <Spark values={history.requests} kind="rate" />}
        </span>
      </td>
      <td>
        <span class="pair">
          <ErrorRatio ratio={row.error_ratio} />
          {history && <Spark values={history.errors} kind="error" />}
        </span>
      </td>
      <td>
        <span class="pair">
          {duration(row.p95_ms)}
          {history && <Spark values={history.p95_ms} kind="duration" />}
        </span>
      </td>
      <td class="links">
        <a href={href('/ui/traces', { service: row.service })}>Traces</a>
        <a href={href('/ui/logs', { service: row.service })}>Logs</a>
      </td>
    </tr>
  );
}

export function Overview() {
  const { params } = useAddress();
  const range = rangeOf(params);
  const every = isLive(range) && REFRESH;
  const services = useGet('/api/clew/services', range, { every });
  const history = useGet('/api/clew/services/history', { ...range, points: 48 }, { every });
  const byService = useMemo(() => new Map(history.data?.services.map((one) => [one.service, one])), [history.data]);
  const wanted = (params.get('find') ?? '').toLowerCase();
  const order = ORDERS[params.get('order') ?? 'errors'] ?? ORDERS.errors;
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <NowWrong />
      <Shown answer={services}>
        {(data) => {
          if (data.services.length === 0) return <NothingYet what="services" />;
          const rows = data.services.filter((row) => row.service.toLowerCase().includes(wanted)).sort(order);
          return (
            <section class="panel">
              <header class="panel-head">
                <h2>
                  Services <small>{data.services.length}</small>
                </h2>
                <Field name="find" label="Find a service" />
                <span class="muted span">
                  {moment(data.from)} – {clock(data.to).slice(0, 8)}
                </span>
              </header>
              {rows.length === 0 ? (
                <NoMatch what="services" hint="Clear the search to see all." />
              ) : (
                <div class="wide-table">
                  <table class="services">
                    <thead>
                      <tr>
                        <Head name="service">Service</Head>
                        <Head name="rate">Rate</Head>
                        <Head name="errors">Errors</Head>
                        <Head name="p95">p95</Head>
                        <th scope="col">
                          <span class="unseen">See its</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      {rows.map((row) => (
                        <ServiceRow key={row.service} row={row} history={byService.get(row.service)} />
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
            </section>
          );
        }}
      </Shown>
    </>
  );
}
