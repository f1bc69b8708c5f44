// SPDX-License-Identifier: Apache-2.0
// Values over time: lines, stacked bars, dots that lead to a trace. Dragging over it chooses the time range.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'preact/hooks';
import { clock, moment, timeOfDay } from '../logic/text';
import { setRange, visit } from '../state/address';

export interface Line {
  label: string;
  values: (number | null)[];
  /** A custom property of style/base.css. */
  color: string;
  bars?: boolean;
  dash?: number[];
}

export interface Dot {
  time: number; // milliseconds
  value: number;
  href: string;
  failed: boolean;
}

interface Props {
  title: string;
  start: number; // milliseconds, of the first step
  step: number; // milliseconds
  lines: Line[];
  unit: (value: number) => string;
  dots?: Dot[];
  /** A span of time that stands out, in milliseconds. */
  mark?: { from: number; to: number; label: string };
  height?: number;
}

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The time of day; the day instead where a tick stands at its beginning or ticks are days apart. */
function tickTime(tick: number, ticks: number[]): string {
  const said = moment(tick * 1e3);
  const isDay = said.endsWith('00:00:00') || (ticks[1] ?? 0) - (ticks[0] ?? 0) >= 86_400;
  return isDay ? said.slice(5, 10) : said.slice(11, said.endsWith(':00') ? 16 : 19);
}

function axes(unit: Props['unit']): uPlot.Axis[] {
  const look = {
    stroke: color('--muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  };
  return [
    {
      ...look,
      size: 24,
      space: 70,
      grid: { show: false },
      values: (_, ticks) => ticks.map((tick) => tickTime(tick, ticks)),
    },
    { ...look, size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : unit(tick))) },
  ];
}

function drawMark(plot: uPlot, mark: NonNullable<Props['mark']>) {
  const { ctx, bbox } = plot;
  const left = Math.max(plot.valToPos(mark.from / 1e3, 'x', true), bbox.left);
  const right = Math.min(plot.valToPos(mark.to / 1e3, 'x', true), bbox.left + bbox.width);
  if (right <= left) return;
  ctx.save();
  ctx.fillStyle = color('--mark');
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.fillStyle = color('--muted');
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.fillText(mark.label, left + 6 * devicePixelRatio, bbox.top + 13 * devicePixelRatio);
  ctx.restore();
}

function drawDots(plot: uPlot, dots: Dot[]) {
  const { ctx, bbox } = plot;
  const size = 3.5 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const dot of dots) {
    const x = plot.valToPos(dot.time / 1e3, 'x', true);
    const y = plot.valToPos(dot.value, 'y', true);
    ctx.beginPath();
    // Failed ones differ in shape, not in colour alone.
    if (dot.failed) ctx.rect(x - size, y - size, 2 * size, 2 * size);
    else ctx.arc(x, y, size, 0, 7);
    ctx.globalAlpha = 0.75;
    ctx.fillStyle = color(dot.failed ? '--bad' : '--accent');
    ctx.fill();
  }
  ctx.restore();
}

/** The dot nearest to a place on the chart, if one is near enough to be meant. */
function nearest(plot: uPlot, dots: Dot[], left: number, top: number): Dot | undefined {
  let best: Dot | undefined;
  let distance = 14;
  for (const dot of dots) {
    const away = Math.hypot(plot.valToPos(dot.time / 1e3, 'x') - left, plot.valToPos(dot.value, 'y') - top);
    if (away < distance) [best, distance] = [dot, away];
  }
  return best;
}

/** What is under the pointer: a dot, else the step of that place. */
function tipText({ start, step, lines, unit }: Props, place: number | undefined, dot: Dot | undefined): string {
  if (dot) return `${clock(dot.time)}  ${unit(dot.value)}${dot.failed ? '  failed' : ''}, click for its trace`;
  if (place === undefined || lines.length === 0) return '';
  const said = lines.map(({ label, values }) => `${label} ${values[place] == null ? '–' : unit(values[place] ?? 0)}`);
  return [timeOfDay(start + place * step), ...said].join('  ');
}

function options(props: Props, tip: HTMLElement, width: number): uPlot.Options {
  const { lines, unit, dots = [], mark } = props;
  const stacked = lines.some((line) => line.bars);
  return {
    width,
    height: props.height ?? 150,
    legend: { show: false },
    cursor: { y: false, points: { show: !stacked && lines.length > 0 }, drag: { x: true, y: false, setScale: false } },
    scales: {
      // The whole range, whether or not something came in all of it.
      x: {
        range: [
          props.start / 1e3,
          (props.start + props.step * Math.max((lines[0]?.values.length ?? 2) - (stacked ? 0 : 1), 1)) / 1e3,
        ],
      },
      y: {
        range: (_plot, _low, high) => {
          const top = Math.max(high ?? 0, ...dots.map((dot) => dot.value));
          return [0, top > 0 ? top * (mark ? 1.3 : 1.08) : 1]; // room for the mark's word
        },
      },
    },
    axes: axes(unit),
    series: [
      {},
      ...(lines.length === 0 ? [{}] : []),
      ...lines.map((line) => ({
        label: line.label,
        stroke: color(line.color),
        width: line.bars ? 0 : 1.75,
        dash: line.dash ?? [],
        spanGaps: false,
        points: { show: false },
        ...(line.bars
          ? {
              fill: color(line.color),
              paths: uPlot.paths.bars?.({ size: [0.85, 60], align: 1 }) as uPlot.Series.PathBuilder,
            }
          : { fill: lines.length === 1 ? `${color(line.color)}1c` : 'transparent' }),
      })),
    ],
    hooks: {
      drawClear: [(plot) => mark && drawMark(plot, mark)],
      draw: [(plot) => drawDots(plot, dots)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 6) return;
          setRange(
            plot.posToVal(plot.select.left, 'x') * 1e3,
            plot.posToVal(plot.select.left + plot.select.width, 'x') * 1e3,
          );
        },
      ],
      setCursor: [
        (plot) => {
          const { idx, left = -1, top = -1 } = plot.cursor;
          const dot = nearest(plot, dots, left, top);
          plot.over.style.cursor = dot ? 'pointer' : 'crosshair';
          tip.textContent = left < 0 ? '' : tipText(props, idx ?? undefined, dot);
        },
      ],
    },
  };
}

function dataOf({ start, step, lines }: Props): uPlot.AlignedData {
  const length = lines[0]?.values.length ?? 0;
  const times = Array.from({ length }, (_, i) => (start + i * step) / 1e3);
  // Without lines the range alone spans the axis; a column of nothing gives it its other one.
  if (lines.length === 0)
    return [
      [start / 1e3, (start + step) / 1e3],
      [null, null],
    ];
  if (!lines.some((line) => line.bars)) return [times, ...lines.map((line) => line.values)];
  // Drawn back to front, each bar on top of the sum of those after it.
  const sums = Array.from({ length }, () => 0);
  const stacked = [...lines]
    .reverse()
    .map((line) => line.values.map((value, i) => (sums[i] = (sums[i] ?? 0) + (value ?? 0))));
  return [times, ...stacked.reverse().map((values) => [...values])];
}

function summary({ title, lines, unit, dots }: Props): string {
  const said = lines.map((line) => {
    const values = line.values.filter((value) => value !== null);
    return values.length === 0
      ? `${line.label}: nothing`
      : `${line.label}: at most ${unit(Math.max(...values))}, last ${unit(values.at(-1) ?? 0)}`;
  });
  if (dots) said.push(`${dots.length} traces, ${dots.filter((dot) => dot.failed).length} of them failed`);
  return `${title}. ${said.join('; ')}.`;
}

export function TimeChart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLOutputElement>(null);
  const state = JSON.stringify([props.start, props.step, props.lines, props.dots, props.mark, props.height]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text of the state stands for the properties
  useEffect(() => {
    const element = box.current;
    if (!element || !tip.current) return undefined;
    let plot: uPlot | undefined;
    const words = tip.current;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(props, words, element.clientWidth), dataOf(props), element);
      const dots = props.dots ?? [];
      plot.over.addEventListener('click', () => {
        const dot = plot && nearest(plot, dots, plot.cursor.left ?? -1, plot.cursor.top ?? -1);
        if (dot) visit(dot.href);
      });
    };
    const resized = new ResizeObserver(() =>
      plot?.setSize({ width: element.clientWidth, height: props.height ?? 150 }),
    );
    const theme = matchMedia('(prefers-color-scheme: dark)');
    draw();
    resized.observe(element);
    theme.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      theme.removeEventListener('change', draw);
      plot?.destroy();
    };
  }, [state]);
  return (
    <figure class="chart">
      <figcaption>
        <b>{props.title}</b>
        {props.lines.length > 1 && (
          <span class="legend">
            {props.dots && (
              <span>
                <i class="key dot-key" aria-hidden="true" />
                whole traces
              </span>
            )}
            {props.lines.map((line) => (
              <span key={line.label}>
                <i class={`key ${line.color.slice(2)}`} aria-hidden="true" />
                {line.label}
              </span>
            ))}
          </span>
        )}
        <output class="tip" ref={tip} />
      </figcaption>
      <div ref={box} role="img" aria-label={summary(props)} style={{ minHeight: `${props.height ?? 150}px` }} />
    </figure>
  );
}
