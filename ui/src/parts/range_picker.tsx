// SPDX-License-Identifier: Apache-2.0
import { moment } from '../logic/text';
import { change, isLive, rangeOf, useAddress } from '../state/address';

const RELATIVE = [
  ['-5m', 'Last 5 minutes'],
  ['-15m', 'Last 15 minutes'],
  ['-30m', 'Last 30 minutes'],
  ['-1h', 'Last hour'],
  ['-3h', 'Last 3 hours'],
  ['-12h', 'Last 12 hours'],
  ['-1d', 'Last day'],
  ['-7d', 'Last 7 days'],
  ['-30d', 'Last 30 days'],
];

/** Chooses the time range of every view. Dragging over a chart chooses a finer one. */
export function RangePicker() {
  const range = rangeOf(useAddress().params);
  const isKnown = isLive(range) && RELATIVE.some(([from]) => from === range.from);
  const to = range.to ? (range.to.startsWith('-') ? range.to : moment(range.to)) : 'now';
  return (
    <select
      id="range"
      aria-label="Time range"
      value={isKnown ? range.from : 'own'}
      onChange={(event) => change({ from: event.currentTarget.value, to: undefined })}
    >
      {!isKnown && (
        <option value="own">
          {range.from.startsWith('-') ? range.from : moment(range.from)} – {to}
        </option>
      )}
      {RELATIVE.map(([from, label]) => (
        <option key={from} value={from}>
          {label}
        </option>
      ))}
    </select>
  );
}
