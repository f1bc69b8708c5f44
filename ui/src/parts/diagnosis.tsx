// SPDX-License-Identifier: Apache-2.0
// An answer to why: the likeliest cause with what shows it, how it came to its rank, the other causes, and whom it hurt.
import { useMemo, useRef } from 'preact/hooks';
import type { Diagnosis } from '../logic/episode';
import { errorRatios } from '../logic/history';
import { duration, oneLine, percent, timeOfDay } from '../logic/text';
import { around, pageLink } from '../logic/walk';
import { change, href, useAddress } from '../state/address';
import { type Key, useKeys } from '../state/keys';
import { useGet } from '../state/server';
import { Course } from './course';
import { Gauge } from './figures';
import { Foreign } from './foreign';
import { PanelHead } from './panel';
import { ServiceName } from './service_name';
import { Loading } from './states';
import { TimeChart } from './time_chart';

type Cause = Diagnosis['causes'][number];
type Evidence = Cause['evidence'][number];

function figure(value: number, unit: string): string {
  if (unit === 'ms') return duration(value);
  if (unit === 's') return duration(value * 1e3);
  if (unit === '%') return `${Number(value.toPrecision(3))} %`;
  if (unit === 'ratio') return percent(value);
  return `${Number(value.toPrecision(3))}${unit ? ` ${unit}` : ''}`;
}

function withTenant(link: string, tenant: string | null): string {
  const [path = '', query = ''] = pageLink(link).split('?');
  const params = new URLSearchParams(query);
  if (tenant) params.set('tenant', tenant);
  return `${path}?${params}`;
}

function EvidenceRow({ one, service }: { one: Evidence; service: string }) {
  const tenant = useAddress().params.get('tenant');
  const top = Math.max(one.before, one.after) || 1;
  const isFigure = one.unit !== '' || one.signal !== 'change';
  const unit = (value: number) => figure(value, one.unit);
  const [trace] = one.trace_ids;
  return (
    <li class="evidence">
      <p>
        <span class="tag">{one.signal}</span> <Foreign text={one.text} />
      </p>
      <p class="ways">
        {trace && <a href={href(`/ui/traces/${trace}`, { find: service })}>See a trace</a>}
        <a href={withTenant(one.link, tenant)}>{one.signal === 'logs' ? 'See the lines' : 'See traces'}</a>
      </p>
      {isFigure && (
        <div class="compare">
          <span>before</span>
          <Gauge value={one.before} max={top} />
          <b>{unit(one.before)}</b>
          <span>during</span>
          <Gauge value={one.after} max={top} kind="during" />
          <b>{unit(one.after)}</b>
        </div>
      )}
      {one.history && <Course before={one.history.before ?? []} during={one.history.during ?? []} unit={unit} />}
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
        lines={[{ label: 'errors', values: errorRatios(row), color: '--bad' }]}
      />
    </div>
  );
}

function CauseCard({ found, cause, onReject }: { found: Diagnosis; cause: Cause; onReject: (() => void) | undefined }) {
  return (
    <section class="panel cause" aria-label={`Cause ${cause.rank}: ${cause.kind} in ${oneLine(cause.service, 80)}`}>
      <PanelHead
        title={
          <>
            <span class="tag">{cause.kind}</span> in{' '}
            <ServiceName service={cause.service} params={{ from: found.from, to: found.to }} />
          </>
        }
        small={`rank ${cause.rank}, score ${cause.score.toPrecision(2)}`}
      >
        {onReject && (
          <button type="button" onClick={onReject}>
            Not this one, show the next
          </button>
        )}
      </PanelHead>
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
          <EvidenceRow key={`${one.signal} ${one.text}`} one={one} service={cause.service} />
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

function Impact({ found }: { found: Diagnosis }) {
  if (found.impact.length === 0) return null;
  return (
    <section class="panel">
      <h2>Impact</h2>
      <ul class="plain">
        {found.impact.map((one) => (
          <li key={one.service + one.text}>
            <ServiceName service={one.service} params={{ from: found.from, to: found.to }} /> {oneLine(one.text, 300)}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Everything of that time, its edges included. */
function ThatTime({ found }: { found: Diagnosis }) {
  const from = Date.parse(found.from);
  const span = around(from, Date.parse(found.to) - from);
  return (
    <section class="panel">
      <h2>At that time</h2>
      <ul class="plain ways">
        <li>
          <a href={href('/ui/traces', { ...span, errors: 'true' })}>Failed traces</a>
        </li>
        <li>
          <a href={href('/ui/traces', { ...span, order: 'slowest' })}>Slowest traces</a>
        </li>
        <li>
          <a href={href('/ui/logs', { ...span, severity: 'warn' })}>Warnings and errors in logs</a>
        </li>
        <li>
          <a href={href('/ui/map', span)}>The map</a>
        </li>
      </ul>
      <p class="muted">
        Compared with {timeOfDay(found.baseline_from)} – {timeOfDay(found.baseline_to)}.
      </p>
    </section>
  );
}

function useCauseKeys(left: Cause[], chosen: Cause | undefined, reject: (rank: number) => void) {
  const latest = useRef({ left, chosen, reject });
  latest.current = { left, chosen, reject };
  const keys = useMemo<Key[]>(() => {
    const move = (by: number) => {
      const { left, chosen } = latest.current;
      const next = left[chosen ? left.indexOf(chosen) + by : 0];
      if (next) change({ cause: String(next.rank) }, true);
    };
    return [
      { keys: 'j', does: 'Next cause', run: () => move(1) },
      { keys: 'k', does: 'Cause before', run: () => move(-1) },
      {
        keys: 'x',
        does: 'Not this cause, show the next',
        run: () => {
          const { left, chosen, reject } = latest.current;
          if (chosen && left.length > 1) reject(chosen.rank);
        },
      },
      {
        keys: 's',
        does: 'See a trace that shows it',
        run: () => document.querySelector<HTMLElement>('.evidence a')?.click(),
      },
    ];
  }, []);
  useKeys(keys);
}

/** Which cause is shown and which are rejected stands in the address. */
export function DiagnosisView({ found }: { found: Diagnosis }) {
  const { params } = useAddress();
  const rejected = params.getAll('not');
  const left = found.causes.filter((cause) => !rejected.includes(String(cause.rank)));
  const chosen = left.find((cause) => String(cause.rank) === params.get('cause')) ?? left[0];
  const reject = (rank: number) => change({ not: [...rejected, String(rank)], cause: undefined });
  useCauseKeys(left, chosen, reject);
  return (
    <div class="why">
      {chosen ? (
        <CauseCard
          key={chosen.rank}
          found={found}
          cause={chosen}
          onReject={left.length > 1 ? () => reject(chosen.rank) : undefined}
        />
      ) : (
        <p class="state muted">No cause is left. Choose one of the list to take it back.</p>
      )}
      <aside>
        <CauseList causes={found.causes} chosen={chosen} rejected={rejected} />
        <Impact found={found} />
        <ThatTime found={found} />
      </aside>
    </div>
  );
}
