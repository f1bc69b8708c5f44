// SPDX-License-Identifier: Apache-2.0
// One incident: its cause with what shows it, how it came to its rank, and whom it hurt.
import { clock, duration, moment, oneLine, percent } from '../logic/text';
import { pageLink } from '../logic/walk';
import { Copy } from '../parts/copy';
import { Field } from '../parts/field';
import { Gauge } from '../parts/figures';
import { Foreign } from '../parts/foreign';
import { ServiceName } from '../parts/service_name';
import { Loading, Shown } from '../parts/states';
import { TimeChart } from '../parts/time_chart';
import { change, href, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';

type Diagnosis = Answered<'/api/clew/why'>;
type Cause = Diagnosis['causes'][number];
type Evidence = Cause['evidence'][number];

function figure(value: number, unit: string): string {
  if (unit === 'ms') return duration(value);
  if (unit === 's') return duration(value * 1e3);
  if (unit === '%') return `${Number(value.toPrecision(3))} %`;
  if (unit === 'ratio') return percent(value);
  return `${Number(value.toPrecision(3))}${unit ? ` ${unit}` : ''}`;
}

function withRange(link: string, tenant: string | null): string {
  const [path = '', query = ''] = pageLink(link).split('?');
  const params = new URLSearchParams(query);
  if (tenant) params.set('tenant', tenant);
  return `${path}?${params}`;
}

function EvidenceRow({ one, tenant }: { one: Evidence; tenant: string | null }) {
  const top = Math.max(one.before, one.after) || 1;
  const isFigure = one.unit !== '' || one.signal !== 'change';
  return (
    <li class="evidence">
      <p>
        <span class="tag">{one.signal}</span> <Foreign text={one.text} />{' '}
        <a href={withRange(one.link, tenant)}>{one.signal === 'logs' ? 'See the lines' : 'See traces'}</a>
      </p>
      {isFigure && (
        <div class="compare">
          <span>before</span>
          <Gauge value={one.before} max={top} />
          <b>{figure(one.before, one.unit)}</b>
          <span>during</span>
          <Gauge value={one.after} max={top} kind="during" />
          <b>{figure(one.after, one.unit)}</b>
        </div>
      )}
    </li>
  );
}

function Charts({ found, cause }: { found: Diagnosis; cause: Cause }) {
  const from = [found.baseline_from, found.from].sort()[0] ?? found.from;
  const history = useGet('/api/clew/services/history', { from, to: found.to, service: cause.service, points: 90 });
  const row = history.data?.services[0];
  if (!history.data || !row) return history.fetching ? <Loading /> : null;
  const shared = {
    start: Date.parse(history.data.start),
    step: history.data.step_ms,
    mark: { from: Date.parse(found.from), to: Date.parse(found.to), label: 'incident' },
    height: 130,
  };
  const ratio = row.errors.map((errors, i) => (row.requests[i] ? errors / (row.requests[i] ?? 1) : null));
  return (
    <div class="charts two">
      <TimeChart
        {...shared}
        title="p95 duration"
        unit={duration}
        lines={[{ label: 'p95', values: row.p95_ms, color: '--line1' }]}
      />
      <TimeChart
        {...shared}
        title="Errors"
        unit={percent}
        lines={[{ label: 'errors', values: ratio, color: '--bad' }]}
      />
    </div>
  );
}

function CauseCard({ found, cause, onReject }: { found: Diagnosis; cause: Cause; onReject: (() => void) | undefined }) {
  const tenant = useAddress().params.get('tenant');
  const span = { from: found.from, to: found.to };
  return (
    <section class="panel cause" aria-labelledby="cause">
      <header class="panel-head">
        <h2 id="cause">
          <span class="tag">{cause.kind}</span> in <ServiceName service={cause.service} params={span} />
        </h2>
        <span class="muted">
          rank {cause.rank}, score {cause.score.toPrecision(2)}
        </span>
        {onReject && (
          <button type="button" onClick={onReject}>
            Not this one, show the next
          </button>
        )}
      </header>
      <p class="where">
        Shown by <Foreign text={cause.where} />
        {cause.pod && (
          <>
            {' '}
            on instance <code>{oneLine(cause.pod, 80)}</code>
          </>
        )}
      </p>
      <Charts found={found} cause={cause} />
      <h3>Evidence</h3>
      <ul class="plain">
        {cause.evidence.map((one) => (
          <EvidenceRow key={`${one.signal} ${one.text}`} one={one} tenant={tenant} />
        ))}
      </ul>
      <details>
        <summary>How it came to its rank</summary>
        <ol>
          {cause.steps.map((step) => (
            <li key={step}>
              <Foreign text={step} />
            </li>
          ))}
        </ol>
      </details>
    </section>
  );
}

function CauseList({ causes, chosen, rejected }: { causes: Cause[]; chosen: Cause | undefined; rejected: string[] }) {
  return (
    <section class="panel">
      <h2>Causes, most likely first</h2>
      <ol class="plain causes">
        {causes.map((cause) => {
          const isOut = rejected.includes(String(cause.rank));
          return (
            <li key={cause.rank} class={isOut ? 'out' : ''}>
              <button
                type="button"
                aria-current={cause === chosen ? 'true' : undefined}
                onClick={() =>
                  change({
                    cause: String(cause.rank),
                    not: rejected.filter((rank) => rank !== String(cause.rank)),
                  })
                }
              >
                <span>
                  {cause.rank}. {cause.kind} in <bdi>{oneLine(cause.service, 60)}</bdi>
                  {isOut && ' (rejected)'}
                </span>
                <small>{oneLine(cause.where, 90)}</small>
                <Gauge value={cause.score} max={1} />
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Found({ found }: { found: Diagnosis }) {
  const { params } = useAddress();
  const rejected = params.getAll('not');
  const left = found.causes.filter((cause) => !rejected.includes(String(cause.rank)));
  const chosen = left.find((cause) => String(cause.rank) === params.get('cause')) ?? left[0];
  const link = location.href;
  return (
    <>
      <section class="now incident">
        <div>
          <p class="since">
            {moment(found.from)} – {clock(found.to).slice(0, 8)}
            <span class="muted">
              , compared with {clock(found.baseline_from).slice(0, 8)} – {clock(found.baseline_to).slice(0, 8)}
            </span>
          </p>
          <p class="summary">
            <Foreign text={found.summary} />
          </p>
        </div>
        <p class="actions">
          <Copy text={`${found.summary}\n${link}`} what="summary" />
        </p>
      </section>
      <div class="why">
        <div>
          {chosen ? (
            <CauseCard
              key={chosen.rank}
              found={found}
              cause={chosen}
              onReject={
                left.length > 1
                  ? () => change({ not: [...rejected, String(chosen.rank)], cause: undefined })
                  : undefined
              }
            />
          ) : (
            <p class="state muted">No cause is left.</p>
          )}
        </div>
        <aside>
          <CauseList causes={found.causes} chosen={chosen} rejected={rejected} />
          {found.impact.length > 0 && (
            <section class="panel">
              <h2>Impact</h2>
              <ul class="plain">
                {found.impact.map((one) => (
                  <li key={one.service + one.text}>
                    <ServiceName service={one.service} params={{ from: found.from, to: found.to }} />{' '}
                    {oneLine(one.text, 300)}
                  </li>
                ))}
              </ul>
            </section>
          )}
        </aside>
      </div>
    </>
  );
}

export function Why() {
  const { params } = useAddress();
  const at = params.get('at');
  const until = params.get('until');
  const service = params.get('service');
  // Of a given range only its end is said: the search then finds the onset itself.
  const why = useGet('/api/clew/why', {
    ...(at ? { from: at } : {}),
    ...(until ? { to: until } : {}),
    ...(service ? { service } : {}),
  });
  return (
    <>
      <h1 class="unseen">Why</h1>
      <Shown answer={why}>
        {(found) =>
          found.incident ? (
            <Found found={found} />
          ) : (
            <section class="now calm">
              <p>
                <span class="good" aria-hidden="true">
                  ✓{' '}
                </span>
                {oneLine(found.summary, 500)}
              </p>
              <p class="muted">
                Searched {moment(found.from)} – {clock(found.to).slice(0, 8)}. Is an incident over? Say when it began
                and ended, or <a href={href('/ui/traces', { errors: 'true' })}>look at failed requests</a>.
              </p>
              <search class="actions">
                <Field name="at" label="Began about" placeholder="-2h, 2026-01-31T12:00:00Z" size="wide" />
                <Field name="until" label="Ended" placeholder="-1h" size="wide" />
                <Field name="service" label="Through service" size="wide" />
              </search>
            </section>
          )
        }
      </Shown>
    </>
  );
}
