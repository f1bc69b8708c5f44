// SPDX-License-Identifier: Apache-2.0
// What is wrong now, then every service by rate, errors and duration.
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { episodeOf, episodeOfIncident, type Incident, keptOf } from '../logic/episode';
import { count, duration, lasting, moment, oneLine, rate, timeOfDay } from '../logic/text';
import { EpisodeBanner } from '../parts/episode_banner';
import { Field } from '../parts/field';
import { ErrorRatio } from '../parts/figures';
import { PanelHead } from '../parts/panel';
import { ServiceName } from '../parts/service_name';
import { Spark } from '../parts/spark';
import { NoRows, NothingYet, Shown } from '../parts/states';
import { type Column, Table } from '../parts/table';
import { change, href, isLive, rangeOf, useAddress } from '../state/address';
import { type Key, useKeys } from '../state/keys';
import { type Answered, useGet } from '../state/server';

type Service = Answered<'/api/clew/services'>['services'][number];
type History = Answered<'/api/clew/services/history'>['services'][number];

const REFRESH = 15_000;
const MOST_EARLIER = 50;

const incidentLink = (incident: Incident) => href(`/ui/incidents/${incident.id}`);

function SeeWhy({ to }: { to: string }) {
  return (
    <a class="button primary" href={to}>
      See why
    </a>
  );
}

const LOOKING = 'Looking for what is wrong now…';

function Calm({ children }: { children: ComponentChildren }) {
  return (
    <section class="now calm" aria-label="What is wrong now">
      <p>{children}</p>
    </section>
  );
}

/** What the server finds when asked: before it has noticed something, and for tenants whom it does not watch. */
function Asked({ incidents }: { incidents: Incident[] }) {
  const why = useGet('/api/clew/why', {}, { every: 4 * REFRESH });
  const found = why.data;
  const now = Date.now();
  if (found?.incident && !keptOf(found, incidents)) {
    const target = href('/ui/why', { at: found.from, until: found.to });
    return (
      <EpisodeBanner episode={episodeOf(found, now)} link={target} label="What is wrong now">
        <SeeWhy to={target} />
      </EpisodeBanner>
    );
  }
  if (why.error) return <Calm>What is wrong now is not known: {why.error.message}</Calm>;
  if (!found) return <Calm>{LOOKING}</Calm>;
  return <Calm>{found.incident ? 'Nothing stands out any more.' : oneLine(found.summary)}</Calm>;
}

const EARLIER: Column<Incident>[] = [
  {
    head: 'Began',
    cell: (one) => <a href={incidentLink(one)}>{moment(one.onset)}</a>,
  },
  {
    head: 'Lasted',
    cell: (one) => {
      const { from, to } = episodeOfIncident(one, Date.now());
      return lasting(to - from);
    },
  },
  { head: 'Kind', words: true, cell: (one) => <span class="tag">{oneLine(one.kind, 30)}</span> },
  { head: 'Service', words: true, cell: (one) => <ServiceName service={one.service} /> },
  { head: 'In one sentence', words: true, class: 'long', cell: (one) => <bdi>{oneLine(one.summary, 300)}</bdi> },
];

function Earlier({ incidents }: { incidents: Incident[] }) {
  const isShown = useAddress().params.get('earlier') === 'shown';
  if (incidents.length === 0) return null;
  return (
    <details
      class="panel earlier"
      open={isShown}
      onToggle={(event) => {
        if (event.currentTarget.open !== isShown) change({ earlier: isShown ? undefined : 'shown' }, true);
      }}
    >
      <summary>
        Earlier incidents <small>{count(incidents.length)} in the last day, over by now</small>
      </summary>
      <Table columns={EARLIER} rows={incidents} keyOf={(one) => one.id} />
    </details>
  );
}

function NowWrong({ isEmpty }: { isEmpty: boolean }) {
  const answer = useGet('/api/clew/incidents', { limit: MOST_EARLIER }, { every: REFRESH });
  const incidents = answer.data?.incidents ?? [];
  const open = incidents.filter((one) => one.state === 'open');
  return (
    <>
      {open.map((one) => (
        <EpisodeBanner
          key={one.id}
          episode={episodeOfIncident(one, Date.now())}
          link={incidentLink(one)}
          label="What is wrong now"
        >
          <SeeWhy to={incidentLink(one)} />
        </EpisodeBanner>
      ))}
      {open.length === 0 &&
        !isEmpty &&
        (answer.data || answer.error ? <Asked incidents={incidents} /> : <Calm>{LOOKING}</Calm>)}
      <Earlier incidents={incidents.filter((one) => one.state === 'closed')} />
    </>
  );
}

const ORDERS: Record<string, (a: Service, b: Service) => number> = {
  service: (a, b) => a.service.localeCompare(b.service),
  rate: (a, b) => b.requests - a.requests,
  errors: (a, b) => b.error_ratio - a.error_ratio || b.requests - a.requests,
  p95: (a, b) => b.p95_ms - a.p95_ms,
};
const DEFAULT_ORDER = 'errors';

function columnsOf(order: string, histories: Map<string, History>): Column<Service>[] {
  const head = (name: string, text: string) => ({
    head: text,
    order: {
      now: order !== name ? ('none' as const) : name === 'service' ? ('ascending' as const) : ('descending' as const),
      choose: () => change({ order: name === DEFAULT_ORDER ? undefined : name }, true),
    },
  });
  const withSpark = (
    figure: (row: Service) => ComponentChildren,
    values: (history: History) => (number | null)[],
    kind: 'rate' | 'error' | 'duration',
  ) => {
    return (row: Service) => {
      const history = histories.get(row.service);
      return (
        <span class="pair">
          {figure(row)}
          {history ? <Spark values={values(history)} kind={kind} /> : <span class="spark" />}
        </span>
      );
    };
  };
  return [
    { ...head('service', 'Service'), cell: (row) => <ServiceName service={row.service} /> },
    {
      ...head('rate', 'Rate'),
      cell: withSpark(
        (row) => rate(row.requests_per_second),
        (history) => history.requests,
        'rate',
      ),
    },
    {
      ...head('errors', 'Errors'),
      cell: withSpark(
        (row) => <ErrorRatio ratio={row.error_ratio} />,
        (history) => history.errors,
        'error',
      ),
    },
    {
      ...head('p95', 'p95'),
      cell: withSpark(
        (row) => duration(row.p95_ms),
        (history) => history.p95_ms,
        'duration',
      ),
    },
    {
      head: 'See its',
      class: 'links',
      cell: (row) => (
        <>
          <a href={href('/ui/traces', { service: row.service })}>Traces</a>
          <a href={href('/ui/logs', { service: row.service })}>Logs</a>
        </>
      ),
    },
  ];
}

const KEYS: Key[] = [
  {
    keys: 'w',
    does: 'See why (the first incident)',
    run: () => document.querySelector<HTMLElement>('.now .primary')?.click(),
  },
];

export function Overview() {
  useKeys(KEYS);
  const { params } = useAddress();
  const range = rangeOf(params);
  const every = isLive(range) && REFRESH;
  const services = useGet('/api/clew/services', range, { every });
  // The figures first: both at once would make them wait for each other in the server.
  const history = useGet(
    '/api/clew/services/history',
    { ...range, points: 48 },
    { every, enabled: services.data !== undefined },
  );
  const histories = useMemo(() => new Map(history.data?.services.map((one) => [one.service, one])), [history.data]);
  const wanted = (params.get('find') ?? '').toLowerCase();
  const order = params.get('order') ?? DEFAULT_ORDER;
  return (
    <>
      <h1 class="unseen">Overview</h1>
      <NowWrong isEmpty={services.data?.services.length === 0} />
      <Shown answer={services}>
        {(data) => {
          if (data.services.length === 0) return <NothingYet what="services" />;
          const rows = data.services
            .filter((row) => row.service.toLowerCase().includes(wanted))
            .sort(ORDERS[order] ?? ORDERS[DEFAULT_ORDER]);
          return (
            <section class="panel">
              <PanelHead
                title="Services"
                small={data.services.length}
                note={`${moment(data.from)} – ${timeOfDay(data.to)}`}
              >
                <Field name="find" label="Find a service" />
              </PanelHead>
              {rows.length === 0 ? (
                <NoRows what="services" filters={['find']} />
              ) : (
                <Table
                  class="services"
                  columns={columnsOf(order, histories)}
                  rows={rows}
                  keyOf={(row) => row.service}
                  most={1_000}
                />
              )}
            </section>
          );
        }}
      </Shown>
    </>
  );
}
