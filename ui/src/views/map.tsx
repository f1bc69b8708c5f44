// SPDX-License-Identifier: Apache-2.0
// Who calls whom: callers on the left, databases and queues on the right, width by rate, sign and colour by errors.
import { useMemo } from 'preact/hooks';
import { hueOf } from '../logic/hue';
import { around, type MapEdge, NODE, type Placed, type PlacedEdge, type PlacedNode, place } from '../logic/layout';
import { duration, oneLine, percent, rate } from '../logic/text';
import { ErrorRatio } from '../parts/figures';
import { ServiceName } from '../parts/service_name';
import { NothingYet, Shown } from '../parts/states';
import { change, href, isLive, rangeOf, useAddress } from '../state/address';
import { type Answered, useGet } from '../state/server';

type Service = Answered<'/api/clew/services'>['services'][number];

const SIGNS = { service: '', database: '⛁', messaging: '⇶', external: '↗' };
const ratioOf = (edge: MapEdge) => (edge.calls ? edge.errors / edge.calls : 0);
const levelOf = (ratio: number) => (ratio >= 0.05 ? 'bad' : ratio > 0 ? 'warn' : 'fine');

function Edge({ edge, hasLabel }: { edge: PlacedEdge; hasLabel: boolean }) {
  const [first, ...rest] = edge.points;
  const middle = edge.points[Math.floor(edge.points.length / 2)];
  if (!first || !middle) return null;
  let path = `M${first.x} ${first.y}`;
  // Through the middles of the stretches, bent at the layout's own points.
  rest.forEach((point, i) => {
    const next = rest[i + 1];
    path += next
      ? `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`
      : `L${point.x} ${point.y}`;
  });
  const level = levelOf(ratioOf(edge));
  const said = `${rate(edge.calls_per_second)}, ${percent(ratioOf(edge))} errors, p95 ${duration(edge.p95_ms)}`;
  return (
    <g class={`edge ${level}`}>
      <title>{`${oneLine(edge.client, 80)} calls ${oneLine(edge.server, 80)}: ${said}`}</title>
      <path
        d={path}
        style={{ strokeWidth: 1 + Math.min(Math.log10(edge.calls + 1), 4) }}
        marker-end={`url(#arrow-${level})`}
      />
      {(hasLabel || level === 'bad') && (
        <text x={middle.x} y={middle.y - 5}>
          {level === 'bad' ? `▲ ${percent(ratioOf(edge))}` : duration(edge.p95_ms)}
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
          {`${SIGNS[node.kind]} ${oneLine(node.name, 26)}`.trim()}
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
  return (
    <section class="panel">
      <h2>Calls</h2>
      <div class="wide-table">
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col" class="text">
                To
              </th>
              <th scope="col">Rate</th>
              <th scope="col">Errors</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
            </tr>
          </thead>
          <tbody>
            {[...edges]
              .sort((a, b) => ratioOf(b) - ratioOf(a) || b.calls - a.calls)
              .slice(0, 300)
              .map((edge) => (
                <tr key={`${edge.client} ${edge.server}`}>
                  <th scope="row">
                    <ServiceName service={edge.client} />
                  </th>
                  <td class="text">
                    {services.has(edge.server) ? (
                      <ServiceName service={edge.server} />
                    ) : (
                      <bdi>{oneLine(edge.server, 80)}</bdi>
                    )}
                  </td>
                  <td>{rate(edge.calls_per_second)}</td>
                  <td>
                    <ErrorRatio ratio={ratioOf(edge)} />
                  </td>
                  <td>{duration(edge.p50_ms)}</td>
                  <td>{duration(edge.p95_ms)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
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
                <header class="panel-head">
                  <h2>
                    Who calls whom <small>{data.nodes.filter((node) => node.kind === 'service').length} services</small>
                  </h2>
                  <label class="field">
                    <span>Around</span>
                    <select
                      value={focus}
                      onChange={(event) => change({ focus: event.currentTarget.value || undefined })}
                    >
                      <option value="">everything</option>
                      {data.nodes.map((node) => (
                        <option key={node.name} value={node.name}>
                          {oneLine(node.name, 60)}
                        </option>
                      ))}
                    </select>
                  </label>
                  <span class="muted span">
                    In a box: rate · errors · p95. On an arrow: p95, or ▲ and the share of failed calls.
                  </span>
                </header>
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
