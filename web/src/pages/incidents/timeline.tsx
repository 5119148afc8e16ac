// The attack as it went: a lane for each ATT&CK step it reached, what was done about it below, one time axis.
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Incident, Step } from '@/api/types';
import { absolute, clock, day, duration } from '@/lib/time';
import { useNarrow } from '@/parts/media';
import { lanesOf, ticks, type Lane, type Mark } from './lanes';

const LANE = 34;
const AXIS = 26;

export function AttackTimeline({ incident, steps }: { incident: Incident; steps: Step[] }) {
  const navigate = useNavigate();
  const narrow = useNarrow();
  const { lanes, from, to } = useMemo(
    () => lanesOf(incident, steps, narrow ? 0.07 : undefined),
    [incident, steps, narrow],
  );
  const [shown, setShown] = useState<Mark | null>(null);
  const isLong = to - from > 36 * 3_600_000;
  const label = (at: number) => (isLong ? `${day(at).slice(5)} ${clock(at).slice(0, 5)}` : clock(at));
  const place = (x: number) => `${2 + 96 * x}%`;
  const height = lanes.length * LANE;
  function open(mark: Mark, lane: Lane): void {
    if (!mark.ref) return;
    if (mark.kind === 'event') void navigate({ to: '/events/$id', params: { id: mark.ref } });
    else if (mark.kind === 'action' && lane.kind === 'people')
      void navigate({ to: '/actions', search: { id: mark.ref } });
  }
  return (
    <div className="tl">
      <ol className="tl-names">
        {lanes.map((lane) => (
          <li key={lane.id} style={{ height: LANE }} className={`tl-${lane.kind}`}>
            <span className="cut">{lane.name}</span>
            {lane.kind === 'tactic' && !narrow ? <span className="mono faint">{lane.id}</span> : null}
          </li>
        ))}
      </ol>
      <div className="tl-field" style={{ height: height + AXIS }}>
        {ticks(from, to, narrow ? 3 : 6).map((at) => (
          <div
            key={at}
            className={`tl-tick${at - from > 0.9 * (to - from) ? ' is-last' : ''}`}
            style={{ left: place((at - from) / (to - from)) }}
          >
            <span>{label(at)}</span>
          </div>
        ))}
        <Path lanes={lanes} height={height} />
        {lanes.map((lane, row) => {
          const first = lane.marks[0];
          const last = lane.marks[lane.marks.length - 1];
          return (
            <div
              key={lane.id}
              className={`tl-lane tl-${lane.kind}`}
              style={{ top: row * LANE, height: LANE }}
            >
              {first && last && lane.kind !== 'people' ? (
                <i
                  className="tl-span"
                  style={{ left: place(first.x), width: `${96 * (last.x - first.x)}%` }}
                />
              ) : null}
              {lane.marks.map((mark) => (
                <button
                  key={`${mark.kind}${mark.time}${mark.text}`}
                  type="button"
                  className={`tl-mark tl-mark-${mark.kind}${mark.count > 1 ? ' is-many' : ''}`}
                  style={{ left: place(mark.x) }}
                  aria-label={`${mark.count > 1 ? `${mark.count} in ` : ''}${lane.name}, ${absolute(mark.time, false)}: ${mark.text}`}
                  onMouseEnter={() => setShown(mark)}
                  onMouseLeave={() => setShown(null)}
                  onFocus={() => setShown(mark)}
                  onBlur={() => setShown(null)}
                  onClick={() => open(mark, lane)}
                >
                  {mark.count > 1 ? mark.count : ''}
                </button>
              ))}
            </div>
          );
        })}
      </div>
      <p className="tl-said" aria-live="polite">
        {shown ? (
          <>
            <span className="mono">{clock(shown.time, true)}</span> {shown.text}
            {shown.count > 1 ? <span className="faint"> and {shown.count - 1} more</span> : null}
          </>
        ) : (
          <span className="faint">
            {duration((to - from) / 1000)} from the first to the last of it. Point at a mark to read it.
          </span>
        )}
      </p>
    </div>
  );
}

/** The way from step to step: where each tactic was reached first. */
function Path({ lanes, height }: { lanes: Lane[]; height: number }) {
  const points = lanes.flatMap((lane, row) => {
    const first = lane.marks[0];
    return lane.kind === 'tactic' && first ? [[2 + 96 * first.x, row * LANE + LANE / 2] as const] : [];
  });
  if (points.length < 2) return null;
  const line = points
    .map(([x, y], i) => {
      const before = points[i - 1];
      if (!before) return `M${x} ${y}`;
      const middle = (before[1] + y) / 2;
      return `C${before[0]} ${middle} ${x} ${middle} ${x} ${y}`;
    })
    .join('');
  return (
    <svg
      className="tl-path"
      viewBox={`0 0 100 ${height}`}
      height={height}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={line} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
