// SPDX-License-Identifier: Apache-2.0
// How one observation went, in steps: before the incident and during it.
const WIDTH = 300;
const HEIGHT = 56;
const GAP = 4;

interface Props {
  before: number[];
  during: number[];
  unit: (value: number) => string;
}

function points(values: number[], from: number, to: number, top: number): string {
  const step = (to - from) / Math.max(values.length - 1, 1);
  return values
    .map((value, i) => `${(from + i * step).toFixed(1)} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 4)).toFixed(1)}`)
    .join('L');
}

export function Course({ before, during, unit }: Props) {
  const top = Math.max(...before, ...during) || 1;
  const middle = WIDTH / 2;
  const most = (values: number[]) => unit(Math.max(...values, 0));
  return (
    <figure class="course">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Its course: before at most ${most(before)}, during at most ${most(during)}`}
      >
        <rect x={middle} width={middle} height={HEIGHT} />
        {before.length > 0 && <path d={`M${points(before, 0, middle - GAP, top)}`} />}
        {during.length > 0 && <path class="during" d={`M${points(during, middle + GAP, WIDTH, top)}`} />}
        <path class="floor" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      </svg>
      <figcaption aria-hidden="true">
        <span>before</span>
        <span>during, up to {most(during)}</span>
      </figcaption>
    </figure>
  );
}
