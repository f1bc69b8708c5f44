// SPDX-License-Identifier: Apache-2.0

const WIDTH = 96;
const HEIGHT = 22;

/** A line the size of a word. Says nothing by itself: the figure stands beside it. */
export function Spark({ values, kind }: { values: (number | null)[]; kind: 'rate' | 'error' | 'duration' }) {
  const top = Math.max(...values.map((value) => value ?? 0));
  if (top === 0) return <span class="spark none" />;
  let path = '';
  let isDown = false;
  values.forEach((value, i) => {
    if (value === null) {
      isDown = false;
      return;
    }
    const x = (i / Math.max(values.length - 1, 1)) * WIDTH;
    const y = HEIGHT - 2 - (value / top) * (HEIGHT - 4);
    path += `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (!isDown && (i + 1 === values.length || values[i + 1] === null)) path += 'h1.5';
    isDown = true;
  });
  return (
    <svg class={`spark ${kind}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
