// SPDX-License-Identifier: Apache-2.0
// One trouble of the shop, whoever found it: an incident that the server noticed and keeps, or what it answers when asked.
import type { Answered } from '../state/server';
import { lasting, recent } from './text';

export type Diagnosis = Answered<'/api/clew/why'>;
export type Incident = Answered<'/api/clew/incidents'>['incidents'][number];

/** Times in milliseconds. */
export interface Episode {
  from: number;
  /** The end as far as it is known. */
  to: number;
  lasts: boolean;
  kind: string;
  service: string;
  summary: string;
}

// Ends so long ago are ends, and onsets so far apart are two (clew/watch/incident_tracker.h: kSameOnset).
const APART = 120_000;

export function episodeOf(found: Diagnosis, now: number): Episode {
  const [cause] = found.causes;
  const to = Date.parse(found.to);
  return {
    from: Date.parse(found.from),
    to,
    lasts: to >= now - APART,
    kind: cause?.kind ?? '',
    service: cause?.service ?? '',
    summary: found.summary,
  };
}

export function episodeOfIncident(incident: Incident, now: number): Episode {
  const { onset, closed, kind, service, summary, answer } = incident;
  const from = Date.parse(onset);
  // An incident is closed some minutes after it has ended; its last answer says when that was.
  const to = closed ? Math.min(Date.parse(answer?.to ?? closed), Date.parse(closed)) : now;
  return { from, to: Math.max(from, to), lasts: incident.state === 'open', kind, service, summary };
}

/** "since 10:02:11, 12 min so far", "10:02:11 – 10:20:40, 18 min". */
export function spanText({ from, to, lasts }: Episode, now: number): string {
  if (lasts) return `since ${recent(from, now)}, ${lasting(Math.max(to, now) - from)} so far`;
  return `${recent(from, now)} – ${recent(to, now)}, ${lasting(to - from)}`;
}

/** The incident that the server keeps of what it was asked for. */
export function keptOf(found: Diagnosis, incidents: Incident[]): Incident | undefined {
  return incidents.find((one) => Math.abs(Date.parse(one.onset) - Date.parse(found.from)) <= APART);
}
