// A time in the reader's zone, relative where near; the title says it in UTC with all digits.
import { useSyncExternalStore } from 'react';
import { absolute, clock, parseTime, relative, utc } from '@/lib/time';

// One clock for the whole page: a thousand times tick together.
const watchers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of watchers) each();
  }, 1000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time, fresh every second. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now);
}

export function Ago({ time }: { time: string | null | undefined }) {
  const at = useNow();
  if (!time) return <span className="faint">–</span>;
  const ms = parseTime(time);
  return (
    <time
      dateTime={new Date(Number.isNaN(ms) ? 0 : ms).toISOString()}
      title={`${absolute(ms)} · ${utc(time)}`}
    >
      {relative(ms, at)}
    </time>
  );
}

export function At({ time, style = 'full' }: { time: string; style?: 'full' | 'clock' }) {
  const ms = parseTime(time);
  return (
    <time dateTime={new Date(Number.isNaN(ms) ? 0 : ms).toISOString()} title={utc(time)} className="mono">
      {style === 'clock' ? clock(ms, true) : absolute(ms)}
    </time>
  );
}
