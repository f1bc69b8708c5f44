// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { type Diagnosis, episodeOf, episodeOfIncident, type Incident, keptOf, spanText } from './episode';

const at = (time: string) => `2026-01-01T${time}Z`;
const now = Date.parse(at('12:20:00'));
const found = {
  from: at('12:00:00'),
  to: at('12:19:30'),
  summary: 'payment is slow',
  causes: [{ kind: 'latency', service: 'payment' }],
} as Diagnosis;
const open = {
  id: 'a',
  state: 'open',
  onset: at('12:00:30'),
  opened: at('12:03:00'),
  service: 'payment',
  kind: 'latency',
  summary: 'payment is slow',
  answer: found,
} as Incident;

test('what goes on until now lasts, what ended minutes ago is over', () => {
  expect(episodeOf(found, now)).toMatchObject({ lasts: true, kind: 'latency', service: 'payment' });
  expect(episodeOf({ ...found, to: at('12:15:00') }, now).lasts).toBe(false);
  expect(episodeOf({ ...found, causes: [] }, now).service).toBe('');
  expect(spanText(episodeOf(found, now), now)).toMatch(/^since \d\d:00:00, 20 min so far$/);
});

test('an incident ends when it ended, not when that was seen', () => {
  const closed = {
    ...open,
    state: 'closed',
    closed: at('12:18:00'),
    answer: { ...found, to: at('12:15:30') },
  } as Incident;
  expect(episodeOfIncident(open, now)).toMatchObject({ lasts: true, to: now });
  expect(episodeOfIncident(closed, now)).toMatchObject({ lasts: false, to: Date.parse(at('12:15:30')) });
  expect(spanText(episodeOfIncident(closed, now), now)).toMatch(/:00:30 – \d\d:15:30, 15 min$/);
  // One whose answer was taken away still has its times.
  const bare = { ...closed, answer: null } as unknown as Incident;
  expect(episodeOfIncident(bare, now).to).toBe(Date.parse(at('12:18:00')));
});

test('what is asked for is the incident that is kept, if they began together', () => {
  expect(keptOf(found, [open])?.id).toBe('a');
  expect(keptOf({ ...found, from: at('12:10:00') }, [open])).toBeUndefined();
});
