// Time series on a canvas (uPlot): stacked bars or lines, a legend that reads the cursor, a brush.
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './chart.css';
import { useDark } from '@/shell/theme';
import { absolute, clock, day } from '@/lib/time';
import { short } from '@/lib/numbers';

export interface Series {
  name: string;
  /** A variable of the design: `--high`. */
  colour: string;
  values: (number | null)[];
}

export interface ChartProps {
  label: string;
  /** Seconds since 1970. */
  times: number[];
  series: Series[];
  kind: 'bars' | 'lines';
  height?: number;
  format?: (n: number) => string;
  /** Called with what was brushed, in seconds. */
  onBrush?: (from: number, to: number) => void;
  legend?: boolean;
}

/** Distances of ticks, seconds: none below one, since labels tell whole ones. */
const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
  345_600, 604_800, 1_209_600, 2_592_000,
];

/** A bar stands to the right of its moment: the last one needs room too. */
export function barRange(times: number[], min: number, max: number): [number, number] {
  const last = times.length - 1;
  return [min, max + (last > 0 ? (times[last] ?? 0) - (times[last - 1] ?? 0) : 1)];
}

/** A canvas knows no variables: the browser computes them for an element that nobody sees. */
function resolve(names: string[]): string[] {
  const probe = document.createElement('i');
  probe.hidden = true;
  document.body.append(probe);
  const colours = names.map((name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return colours;
}

/** Each series on top of those before it. */
export function stack(series: Series[]): number[][] {
  const sums: number[] = [];
  return series.map(({ values }) => values.map((value, i) => (sums[i] = (sums[i] ?? 0) + (value ?? 0))));
}

/** A moment under the axis: the day where days are told or where one begins, else the time of day. */
export function tick(secs: number, step: number): string {
  const ms = secs * 1000;
  const time = clock(ms);
  if (step >= 86_400 || time === '00:00:00') return day(ms).slice(5);
  return step < 60 ? time : time.slice(0, 5);
}

export function Chart({
  label,
  times,
  series,
  kind,
  height = 132,
  format = short,
  onBrush,
  legend = true,
}: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const brush = useRef(onBrush);
  const [at, setAt] = useState<number | null>(null);
  const dark = useDark();
  useEffect(() => {
    brush.current = onBrush;
  });
  const shape =
    kind + '|' + height + '|' + series.map((s) => s.name + s.colour).join() + '|' + Boolean(onBrush);
  const data = useMemo<uPlot.AlignedData>(() => {
    const columns = kind === 'bars' ? stack(series).reverse() : series.map((s) => s.values);
    return [times, ...columns] as uPlot.AlignedData;
  }, [times, series, kind]);
  const latest = useRef(data);
  useEffect(() => {
    latest.current = data;
    plot.current?.setData(data);
  }, [data]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const drawn = kind === 'bars' ? [...series].reverse() : series;
    const [grid = '', ink = '', ...colours] = resolve(['--line', '--text-3', ...drawn.map((s) => s.colour)]);
    const font = '11px "Inter Variable", system-ui, sans-serif';
    const options: uPlot.Options = {
      width: Math.max(120, element.clientWidth),
      height,
      // Half of the last label.
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: kind === 'lines', size: 6 },
        drag: { x: Boolean(brush.current), y: false, setScale: false },
      },
      select: { show: Boolean(brush.current), left: 0, top: 0, width: 0, height: 0 },
      scales: {
        x: {
          time: true,
          ...(kind === 'bars'
            ? { range: (u, min, max) => barRange(u.data[0] as number[], min ?? 0, max ?? 1) }
            : {}),
        },
        // Zero stands at the bottom, and an empty chart has a scale too.
        y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [
        {
          stroke: ink,
          font,
          grid: { show: false },
          ticks: { stroke: grid, size: 4 },
          gap: 3,
          size: 24,
          space: 64,
          incrs: STEPS,
          values: (_u, splits, _axis, _space, step) => splits.map((secs) => tick(secs, step)),
        },
        {
          stroke: ink,
          font,
          grid: { stroke: grid, width: 1 },
          ticks: { show: false },
          gap: 4,
          size: 44,
          space: 28,
          values: (_u, splits) => splits.map((n) => format(n)),
        },
      ],
      series: [
        {},
        ...drawn.map((s, i) => ({
          label: s.name,
          stroke: colours[i],
          fill: kind === 'bars' ? colours[i] : undefined,
          width: kind === 'bars' ? 0 : 1.5,
          points: { show: false },
          paths: kind === 'bars' ? uPlot.paths.bars?.({ size: [0.82, 40], align: 1 }) : undefined,
        })),
      ],
      hooks: {
        setCursor: [(u) => setAt(u.cursor.idx ?? null)],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width < 3) return;
            brush.current?.(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    };
    const chart = new uPlot(options, latest.current, element);
    plot.current = chart;
    const watcher = new ResizeObserver(() =>
      chart.setSize({ width: Math.max(120, element.clientWidth), height }),
    );
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      chart.destroy();
      plot.current = null;
    };
    // The rest of what it is made of is in `shape`.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, dark]);

  const total = (s: Series) => s.values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const words =
    kind === 'bars'
      ? series.map((s) => `${s.name} ${format(total(s))}`).join(', ')
      : series.map((s) => `${s.name} now ${format(s.values[s.values.length - 1] ?? 0)}`).join(', ');
  const time = at === null ? undefined : times[at];
  return (
    <figure className="chart">
      <div ref={box} className="chart-canvas" role="img" aria-label={`${label}: ${words}`} />
      {legend ? (
        <figcaption className="chart-legend" aria-hidden="true">
          <span className="chart-time">{time === undefined ? '' : absolute(time * 1000, false)}</span>
          {series.map((s) => (
            <span key={s.name} className="chart-key">
              <i style={{ background: `var(${s.colour})` }} />
              {s.name}
              <b>
                {at !== null
                  ? format(s.values[at] ?? 0)
                  : kind === 'bars'
                    ? format(total(s))
                    : format(s.values[s.values.length - 1] ?? 0)}
              </b>
            </span>
          ))}
        </figcaption>
      ) : null}
    </figure>
  );
}
