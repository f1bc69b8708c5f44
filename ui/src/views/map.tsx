// SPDX-License-Identifier: Apache-2.0
// Who calls whom: callers on the left, databases and queues on the right, width by rate, sign and colour by errors.
import { useMemo } from 'preact/hooks';
import { type FiguredEdge, type MapEdge, withFigures } from '../logic/edges';
import { hueOf } from '../logic/hue';
import { around, labelOf, NODE, type Placed, type PlacedEdge, type PlacedNode, place } from '../logic/layout';
import { counted, duration, oneLine, percent, rate } from '../logic/text';
import { Choice } from '../parts/field';
import { PanelHead } from '../parts/panel';
import { NodeName, ServiceName } from '../parts/service_name';
import { NothingYet, Shown } from '../parts/states';
import { type Column, FIGURE, Table } from '../parts/table';
import { href, isLive, rangeOf, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';

type Service = Answered<'/api/clew/services'>['services'][number];

const SIGNS = { service: '', database: '⛁', messaging: '⇶', external: '↗' };
const levelOf = (ratio: number) => (ratio >= 0.05 ? 'bad' : ratio > 0 ? 'warn' : 'fine');

// Where an edge's words stand: above its middle, and to the side that the edge leaves free.
const LABEL = { aside: 11, above: 9 };

function Edge({ edge, hasLabel }: { edge: PlacedEdge; hasLabel: boolean }) {
  const [first, ...rest] = edge.points;
  const middle = edge.points[Math.floor(edge.points.length / 2)];
  const last = edge.points.at(-1);
  if (!first || !middle || !last) return null;
  let path = `M${first.x} ${first.y}`;
  // Through the middles of the stretches, bent at the layout's own points.
  rest.forEach((point, i) => {
    const next = rest[i + 1];
    path += next
      ? `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`
      : `L${point.x} ${point.y}`;
  });
  const { error_ratio: ratio } = withFigures(edge);
  const level = levelOf(ratio);
  const said = `${rate(edge.calls_per_second)}, ${percent(ratio)} errors, p95 ${duration(edge.p95_ms)}`;
  return (
    <g class={`edge ${level}`}>
      <title>{`${oneLine(edge.client, 80)} calls ${oneLine(edge.server, 80)}: ${said}`}</title>
      <path
        d={path}
        style={{ strokeWidth: 1 + Math.min(Math.log10(edge.calls + 1), 4) }}
        marker-end={`url(#arrow-${level})`}
      />
      {(hasLabel || level === 'bad') && (
        <text x={middle.x + LABEL.aside * Math.sign(last.y - first.y)} y={middle.y - LABEL.above}>
          {level === 'bad' ? `▲ ${percent(ratio)}` : duration(edge.p95_ms)}
        </text>
      )}
    </g>
  );
}

function Node({ node, figures, isFocus }: { node: PlacedNode; figures: Service | undefined; isFocus: boolean }) {
  const level = figures ? levelOf(figures.error_ratio) : 'fine';
  const said = figures
    ? `${rate(figures.requests_per_second)} · ${level === 'bad' ? '▲ ' : ''}${percent(figures.error_ratio)} · ${duration(figures.p95_ms)}`
    : node.kind;
  const inner = (
    <g
      class={`node ${node.kind} ${level} ${isFocus ? 'focus' : ''}`}
      transform={`translate(${node.x - NODE.width / 2} ${node.y - NODE.height / 2})`}
    >
      <rect width={NODE.width} height={NODE.height} rx={node.kind === 'service' ? 7 : 22} />
      {node.kind === 'service' && (
        <rect class={`band hue${hueOf(node.name)}`} x="0" y="8" width="4" height={NODE.height - 16} rx="2" />
      )}
      <svg width={NODE.width - 6} height={NODE.height}>
        <title>{`${oneLine(node.name, 120)}: ${said}`}</title>
        <text class="name" x="14" y="20">
          {`${SIGNS[node.kind]} ${labelOf(oneLine(node.name, 200))}`.trim()}
        </text>
        <text class="figures" x="14" y="36">
          {said}
        </text>
      </svg>
    </g>
  );
  if (node.kind !== 'service') return inner;
  return <a href={href('/ui/service', { name: node.name })}>{inner}</a>;
}

function Drawing({ placed, services, focus }: { placed: Placed; services: Map<string, Service>; focus: string }) {
  return (
    <section class={placed.nodes.length > 20 ? 'map large' : 'map'} aria-label="Map of services">
      <svg
        viewBox={`0 0 ${placed.width} ${placed.height}`}
        style={{ width: `${placed.width}px`, minWidth: `${Math.min(placed.width * 0.7, 2_000)}px` }}
      >
        <title>Services and whom they call</title>
        <defs>
          {['fine', 'warn', 'bad'].map((level) => (
            <marker
              key={level}
              id={`arrow-${level}`}
              class={level}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" />
            </marker>
          ))}
        </defs>
        {placed.edges.map((edge) => (
          <Edge key={`${edge.client} ${edge.server}`} edge={edge} hasLabel={placed.nodes.length <= 20} />
        ))}
        {placed.nodes.map((node) => (
          <Node key={node.name} node={node} figures={services.get(node.name)} isFocus={node.name === focus} />
        ))}
      </svg>
    </section>
  );
}

/** The same as text. */
function Calls({ edges, services }: { edges: MapEdge[]; services: Map<string, Service> }) {
  const columns: Column<FiguredEdge>[] = [
    { head: 'From', cell: (edge) => <ServiceName service={edge.client} /> },
    { head: 'To', words: true, cell: (edge) => <NodeName name={edge.server} services={services} /> },
    FIGURE.rate,
    FIGURE.errors,
    FIGURE.p50,
    FIGURE.p95,
  ];
  return (
    <section class="panel">
      <PanelHead title="Calls" small="most failures first" />
      <Table
        columns={columns}
        rows={edges.map(withFigures).sort((a, b) => b.error_ratio - a.error_ratio || b.calls - a.calls)}
        keyOf={(edge) => `${edge.client} ${edge.server}`}
      />
    </section>
  );
}

export function ServiceMap() {
  const { params } = useAddress();
  const range = rangeOf(params);
  const every = isLive(range) && 30_000;
  const focus = params.get('focus') ?? '';
  const map = useGet('/api/clew/map', range, { every });
  const services = useGet('/api/clew/services', range, { every });
  const figures = useMemo(() => new Map(services.data?.services.map((one) => [one.service, one])), [services.data]);
  const shown = useMemo(() => map.data && (focus ? around(map.data, focus) : map.data), [map.data, focus]);
  const placed = useMemo(() => shown && place(shown), [shown]);
  return (
    <>
      <h1 class="unseen">Map</h1>
      <Shown answer={map}>
        {(data) =>
          data.nodes.length === 0 || !placed ? (
            <NothingYet what="services" />
          ) : (
            <>
              <section class="panel">
                <PanelHead
                  title="Who calls whom"
                  small={counted(data.nodes.filter((node) => node.kind === 'service').length, 'service')}
                  note="In a box: rate · errors · p95. On an arrow: p95, or ▲ and the share of failed calls."
                >
                  <Choice
                    name="focus"
                    label="Around"
                    options={[
                      ['', 'everything'],
                      ...data.nodes.map(({ name }) => [name, oneLine(name, 60)] as [string, string]),
                    ]}
                  />
                </PanelHead>
                <Drawing placed={placed} services={figures} focus={focus} />
              </section>
              <Calls edges={shown?.edges ?? []} services={figures} />
            </>
          )
        }
      </Shown>
    </>
  );
}
