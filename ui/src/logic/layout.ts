// SPDX-License-Identifier: Apache-2.0
import { Graph, layout } from '@dagrejs/dagre';
import type { Map_, MapEdge, MapNode } from './edges';

export interface PlacedNode extends MapNode {
  x: number;
  y: number;
}
export interface PlacedEdge extends MapEdge {
  points: { x: number; y: number }[];
}
export interface Placed {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

export const NODE = { width: 178, height: 44 };
const MANY = 20;

const LABEL = 22; // characters that a box has room for

/** A name that fits its box. Of "sqlite /var/lib/shop/cart.db" its kind and its end tell it apart. */
export function labelOf(name: string): string {
  if (name.length <= LABEL) return name;
  const [kind = '', ...rest] = name.split(' ');
  const end = rest.join(' ').split('/').at(-1) ?? '';
  const short = end && kind.length + end.length + 2 <= LABEL ? `${kind} …${end}` : name;
  return short.length <= LABEL ? short : `${short.slice(0, LABEL - 1)}…`;
}

/** The nodes that call `focus` or are called by it, directly, and the edges between all of those. */
export function around(map: Map_, focus: string): Pick<Map_, 'nodes' | 'edges'> {
  const near = new Set([focus]);
  for (const edge of map.edges) {
    if (edge.client === focus) near.add(edge.server);
    if (edge.server === focus) near.add(edge.client);
  }
  return {
    nodes: map.nodes.filter((node) => near.has(node.name)),
    edges: map.edges.filter((edge) => near.has(edge.client) && near.has(edge.server)),
  };
}

/** Callers to the left of whom they call. */
export function place({ nodes, edges }: Pick<Map_, 'nodes' | 'edges'>): Placed {
  const graph = new Graph({ multigraph: true });
  const isLarge = nodes.length > MANY;
  graph.setGraph({
    rankdir: 'LR',
    nodesep: isLarge ? 8 : 16,
    edgesep: 4,
    ranksep: isLarge ? 44 : 84,
    marginx: 8,
    marginy: 8,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.name, { ...NODE });
  const drawn = edges.filter(
    (edge) => edge.client !== edge.server && graph.hasNode(edge.client) && graph.hasNode(edge.server),
  );
  for (const edge of drawn) graph.setEdge(edge.client, edge.server, { weight: 1 + Math.log10(edge.calls + 1) });
  layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: size.width ?? NODE.width,
    height: size.height ?? NODE.height,
    nodes: nodes.map((node) => {
      const { x, y } = graph.node(node.name) as { x: number; y: number };
      return { ...node, x, y };
    }),
    edges: drawn.map((edge) => ({
      ...edge,
      points: (graph.edge(edge.client, edge.server) as { points: { x: number; y: number }[] }).points,
    })),
  };
}
