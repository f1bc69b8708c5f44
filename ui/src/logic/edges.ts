// SPDX-License-Identifier: Apache-2.0
import type { Answered } from '../state/server';

export type Map_ = Answered<'/api/clew/map'>;
export type MapNode = Map_['nodes'][number];
export type MapEdge = Map_['edges'][number];

/** An edge with the figures that services and operations have. */
export type FiguredEdge = MapEdge & { requests_per_second: number; error_ratio: number };

export function withFigures(edge: MapEdge): FiguredEdge {
  return {
    ...edge,
    requests_per_second: edge.calls_per_second,
    error_ratio: edge.calls ? edge.errors / edge.calls : 0,
  };
}
