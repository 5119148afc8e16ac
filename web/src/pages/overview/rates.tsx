// Rates over time: alerts stacked by severity, traffic as it comes.
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useLive } from '@/api/live';
import type { Overview, Severity } from '@/api/types';
import { bits, exact } from '@/lib/numbers';
import { parseTime } from '@/lib/time';
import { Chart } from '@/parts/chart';
import { Segments } from '@/parts/segments';
import { SEVERITY_NAMES } from '@/parts/severity';

/** EVE's severities by the names that people use, the worst first. */
export const EVE_SEVERITIES = [
  ['1', 'high'],
  ['2', 'medium'],
  ['3', 'low'],
  ['4', 'informational'],
] as const satisfies readonly (readonly [string, Severity])[];

export function AlertRate({ data, since }: { data: Overview; since: string }) {
  const navigate = useNavigate();
  const times = useMemo(() => data.alerts.map((bucket) => parseTime(bucket.time) / 1000), [data]);
  const series = useMemo(
    () =>
      // The worst stands at the bottom, where heights compare best.
      EVE_SEVERITIES.filter(([eve]) => data.alerts.some((bucket) => bucket.by_severity[eve])).map(
        ([eve, severity]) => ({
          name: SEVERITY_NAMES[severity],
          colour: `--${severity}`,
          values: data.alerts.map((bucket) => bucket.by_severity[eve] ?? 0),
        }),
      ),
    [data],
  );
  return (
    <section className="panel">
      <header>
        <h2>Alerts</h2>
        <span className="end">the last {since}; drag to hunt there</span>
      </header>
      <div className="body">
        <Chart
          label="Alerts over time by severity"
          kind="bars"
          times={times}
          series={series}
          onBrush={(from, to) =>
            void navigate({
              to: '/hunt',
              search: {
                q: 'event_type:alert',
                since: new Date(from * 1000).toISOString(),
                until: new Date(to * 1000).toISOString(),
              },
            })
          }
        />
      </div>
    </section>
  );
}

/** Counters that the stream tells every other second. */
export interface Stats {
  time?: string;
  now?: string;
  counters?: Record<string, number>;
}

interface Point {
  time: number;
  packets: number;
  bytes: number;
}

/** Points that are kept of what arrives live: a quarter of an hour at one in two seconds. */
const MAX_LIVE = 450;

/** What two readings of the counters say of the time between them; null after a restart. */
export function rateBetween(before: Stats, after: Stats): Point | null {
  const at = (stats: Stats) => parseTime(stats.time ?? stats.now ?? '') / 1000;
  const secs = at(after) - at(before);
  const grown = (name: string) => (after.counters?.[name] ?? 0) - (before.counters?.[name] ?? 0);
  const [packets, bytes] = [grown('inspected'), grown('inspected_bytes')];
  if (!(secs > 0) || packets < 0 || bytes < 0) return null;
  return { time: at(after), packets: packets / secs, bytes: bytes / secs };
}

export function Traffic({ data }: { data: Overview }) {
  const [unit, setUnit] = useState<'bits' | 'packets'>('bits');
  const [{ points }, setLive] = useState<{ last: Stats | null; points: Point[] }>({ last: null, points: [] });
  useLive<Stats>('stats', (stats) =>
    setLive((old) => {
      const point = old.last ? rateBetween(old.last, stats) : null;
      return { last: stats, points: point ? [...old.points.slice(1 - MAX_LIVE), point] : old.points };
    }),
  );
  const { times, series } = useMemo(() => {
    const past = data.traffic.map((each) => ({ ...each, time: parseTime(each.time) / 1000 }));
    const end = past[past.length - 1]?.time ?? 0;
    const all: Point[] = [...past, ...points.filter((point) => point.time > end)];
    return {
      times: all.map((each) => each.time),
      series: [
        {
          name: unit === 'bits' ? 'Bits a second' : 'Packets a second',
          colour: '--series-1',
          values: all.map((each) => (unit === 'bits' ? 8 * each.bytes : each.packets)),
        },
      ],
    };
  }, [data, points, unit]);
  const latest = points[points.length - 1];
  return (
    <section className="panel">
      <header>
        <h2>Traffic</h2>
        {latest ? (
          <span className="quiet">
            {bits(8 * latest.bytes)} · {exact(Math.round(latest.packets))} packets/s now
          </span>
        ) : null}
        <span className="end">
          <Segments
            label="Unit of traffic"
            value={unit}
            choices={[
              ['bits', 'Bits'],
              ['packets', 'Packets'],
            ]}
            onChange={setUnit}
          />
        </span>
      </header>
      <div className="body">
        <Chart
          label={unit === 'bits' ? 'Traffic in bits a second' : 'Traffic in packets a second'}
          kind="lines"
          times={times}
          series={series}
        />
      </div>
    </section>
  );
}
