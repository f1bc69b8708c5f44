// SPDX-License-Identifier: Apache-2.0
// What sets the failed or slow requests (or the error lines) apart from the rest, each value a filter to click.
import type { ComponentChildren } from 'preact';
import { conditionOf, filterOf, type Group, slowSaid, slowText } from '../logic/apart';
import { count, counted, oneLine, percent } from '../logic/text';
import { change, href, type Range, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';
import { Gauge } from './figures';
import { Shown } from './states';
import { type Column, Table } from './table';

type Comparison = Answered<'/api/clew/compare'>;
type Difference = Comparison['differences'][number];

/** What 95 of 100 requests stay below, where one service is looked at. */
function useSlow({ signal, service, operation }: Group, range: Range): string | undefined {
  const enabled = signal === 'spans' && service !== '';
  const services = useGet('/api/clew/services', range, { enabled: enabled && !operation });
  const operations = useGet('/api/clew/operations', { ...range, service }, { enabled: enabled && operation !== '' });
  if (!enabled) return undefined;
  const figures = operation
    ? operations.data?.operations.find((one) => one.operation === operation)
    : services.data?.services.find((one) => one.service === service);
  return figures && slowText(figures.p95_ms);
}

function Share({ one, kind }: { one: Difference['inside']; kind?: string }) {
  return (
    <span class="share">
      <Gauge value={one.share} max={1} kind={kind ?? ''} />
      <b>{percent(one.share)}</b>
      <small>{count(one.count)}</small>
    </span>
  );
}

function Differences({ of, found, what, group }: { of: Group; found: Comparison; what: string; group: string }) {
  const { params } = useAddress();
  const columns: Column<Difference>[] = [
    {
      head: 'Attribute',
      cell: (one) => (
        <a
          href={href(of.signal === 'logs' ? '/ui/logs' : '/ui/traces', filterOf(of, group, one, params))}
          title="Show those only"
        >
          <bdi class="muted">{oneLine(one.key, 80)}</bdi> <bdi>{oneLine(one.value, 120)}</bdi>
        </a>
      ),
    },
    { head: `Of the ${what}`, cell: (one) => <Share one={one.inside} kind="during" /> },
    { head: 'Of the others', cell: (one) => <Share one={one.outside} /> },
  ];
  const tellOf = (isOutcome: boolean) => found.differences.filter((one) => one.outcome === isOutcome);
  const [causes, outcomes] = [tellOf(false), tellOf(true)];
  const keyOf = (one: Difference) => `${one.key}=${one.value}`;
  if (found.inside === 0) return <p class="muted">There are none in this time range.</p>;
  return (
    <>
      {causes.length > 0 ? (
        <Table columns={columns} rows={causes} keyOf={keyOf} most={12} />
      ) : (
        <p class="muted">No attribute sets them apart beyond chance: what goes wrong does so whatever was asked.</p>
      )}
      {outcomes.length > 0 && (
        <details>
          <summary>
            How it shows <small>{counted(outcomes.length, 'value')} of the outcome itself</small>
          </summary>
          <Table columns={columns} rows={outcomes} keyOf={keyOf} most={12} />
        </details>
      )}
      <p class="muted">
        {count(found.inside)} {what} against {count(found.outside)} others, {counted(found.tried, 'value')} compared
        {found.complete ? '' : '; there are more than are looked at'}.
      </p>
    </>
  );
}

interface Parts {
  /** Buttons for the head of a panel. */
  choice: ComponentChildren;
  /** What was found of the chosen group. */
  found: ComponentChildren;
}

/** The group that is looked at stands in the address: apart=failed, apart=850ms. */
export function useApart(of: Group, range: Range): Parts {
  const group = useAddress().params.get('apart') ?? '';
  const usual = useSlow(of, range);
  const slow = group && group !== 'failed' ? group : usual;
  const question = { ...range, ...conditionOf(of, group), limit: 60 };
  const answer = useGet('/api/clew/compare', question, { enabled: group !== '' });
  const many = of.operation ? 'spans' : 'requests';
  const failed = of.signal === 'logs' ? 'error lines' : `failed ${many}`;
  const choices = [['failed', failed], ...(slow ? [[slow, `${many} over ${slowSaid(slow)}`]] : [])] as [
    string,
    string,
  ][];
  const what = group === 'failed' ? failed : `${many} over ${slowSaid(group)}`;
  const choice = (
    <span class="apart-choice">
      What sets apart the
      {choices.map(([value, text]) => (
        <button
          key={value}
          type="button"
          aria-pressed={group === value}
          onClick={() => change({ apart: group === value ? undefined : value }, true)}
        >
          {text}
        </button>
      ))}
    </span>
  );
  const found = group ? (
    <div class="apart">
      <Shown answer={answer}>{(data) => <Differences of={of} found={data} what={what} group={group} />}</Shown>
    </div>
  ) : null;
  return { choice, found };
}
