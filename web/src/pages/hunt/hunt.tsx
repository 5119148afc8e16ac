// Search in everything that was seen: query, time, histogram, table. All of it is in the address.
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { events, fields, histogram, type Span } from '@/api/queries';
import { live, useLive } from '@/api/live';
import { get } from '@/api/client';
import type { Capture, Events, Histogram, Hit } from '@/api/types';
import { exact } from '@/lib/numbers';
import { duration, parseTime } from '@/lib/time';
import { Chart } from '@/parts/chart';
import { DEFAULT_COLUMNS, EventTable, MAX_ROWS } from '@/parts/event-table';
import { Icon } from '@/parts/icons';
import { Menu, MenuCheck, MenuHead, MenuItem, MenuLine } from '@/parts/menu';
import { useNarrow } from '@/parts/media';
import { QueryBox } from '@/parts/query-box';
import { RangePicker, type Range } from '@/parts/range';
import { Empty } from '@/parts/states';
import { say } from '@/parts/toast';
import { CaptureNote, useCapture } from './capture';
import { ExportMenu } from './export';
import { SavedMenu } from './saved';
import './hunt.css';

/** Columns that are offered without looking among all fields. */
const OFFERED = [
  ...DEFAULT_COLUMNS,
  'alert.signature',
  'alert.category',
  'app_proto',
  'proto',
  'http.hostname',
  'http.url',
  'http.http_user_agent',
  'dns.rrname',
  'tls.sni',
  'tls.ja4',
  'flow_id',
  'community_id',
  'host',
];

/** The store takes no longer for what was read. */
const CATCH_UP_MS = 20_000;

/** Fresh rows are shown up to here; who wants more searches again. */
const MAX_FRESH = 500;

/** What the API is asked for: `all` and nothing are the same to it. */
export function spanOf(q: string, range: Range): Span {
  return {
    q: q || undefined,
    since: range.since === 'all' ? undefined : range.since,
    until: range.until,
  };
}

export function Hunt() {
  const search = useSearch({ from: '/hunt' });
  const navigate = useNavigate();
  const narrow = useNarrow();
  const q = search.q ?? '';
  const range: Range = useMemo(
    () => ({ since: search.since ?? '24h', until: search.until }),
    [search.since, search.until],
  );
  const names = search.columns ? search.columns.split(',') : DEFAULT_COLUMNS;
  const span = useMemo(() => spanOf(q, range), [q, range]);
  const answer = useInfiniteQuery(events(span));
  const capture = useCapture(q);
  useCaughtUp(capture, answer, range.since === 'all');
  const whole = useWholeSpan(span, answer.data?.pages[0]?.items[0]?.time);
  const counts = useQuery({
    ...histogram(whole ?? span, narrow ? 40 : 96),
    enabled: !answer.error && whole !== null,
  });
  const change = useCallback(
    (next: Partial<typeof search>, replace = false) =>
      void navigate({ to: '/hunt', search: (old) => ({ ...old, ...next }), replace }),
    [navigate],
  );
  const first = answer.data?.pages[0];
  const loaded = answer.data?.pages.reduce((sum, page) => sum + page.items.length, 0) ?? 0;
  const { fresh, waiting, leftOut, show } = useFresh(span, answer.isSuccess, search.live === 'on');

  return (
    <div className="page page-fixed hunt">
      <div className="page-head">
        <h1>Hunt</h1>
        <div className="row end">
          <SavedMenu query={q} onOpen={(query) => change({ q: query })} />
          <ColumnMenu
            names={names}
            onChange={(next) =>
              change({ columns: next.join() === DEFAULT_COLUMNS.join() ? undefined : next.join() }, true)
            }
          />
          <ExportMenu span={span} names={names} />
          <button
            type="button"
            className="btn btn-icon"
            aria-label="Copy a link to this search"
            onClick={() =>
              void navigator.clipboard
                ?.writeText(location.href)
                .then(() => say('The link is copied.'))
                .catch(() => say('The browser does not let this page copy.', true))
            }
          >
            <Icon name="link" />
          </button>
          <RangePicker range={range} onChange={(next) => change({ since: next.since, until: next.until })} />
        </div>
      </div>
      <QueryBox
        value={q}
        onSubmit={(query) => (query === q ? void answer.refetch() : change({ q: query || undefined }))}
        error={answer.error}
      />
      {capture ? <CaptureNote capture={capture} /> : null}
      <section className="panel hunt-hist" aria-label="Events over time">
        {counts.data?.buckets.length ? (
          <HistogramChart data={counts.data} onBrush={(since, until) => change({ since, until })} />
        ) : (
          <div className="hunt-none" />
        )}
      </section>
      <EventTable
        answer={answer}
        fresh={fresh}
        total={first?.total}
        label="Events that fit the query"
        names={names}
        main
        empty={
          <Empty title="Nothing fits">
            {q ? 'Widen the time range, or take a condition away.' : 'Nothing was seen in this time.'}
          </Empty>
        }
      />
      <div className="grid-foot" role="status">
        {first ? (
          <>
            <span>
              <b>
                {first.total_is_exact ? '' : 'at least '}
                {exact(first.total)}
              </b>{' '}
              events, {exact(first.took_ms)} ms
            </span>
            <span>{exact(loaded)} loaded</span>
            {loaded >= MAX_ROWS ? (
              <button
                type="button"
                className="btn btn-small"
                onClick={() => {
                  const pages = answer.data?.pages ?? [];
                  const last = pages[pages.length - 1]?.items.at(-1);
                  if (last) change({ until: new Date(parseTime(last.time)).toISOString() });
                }}
              >
                Go on with older ones
              </button>
            ) : null}
          </>
        ) : (
          <span>&nbsp;</span>
        )}
        {leftOut ? (
          <span>{exact(leftOut)} new ones are too many to show live; search again to see all</span>
        ) : null}
        <span className="hunt-live">
          {waiting > 0 && search.live !== 'on' ? (
            <button type="button" className="btn btn-small" onClick={show}>
              {exact(waiting)} new
            </button>
          ) : null}
          <label className="checks">
            <input
              type="checkbox"
              checked={search.live === 'on'}
              onChange={(event) => change({ live: event.target.checked ? 'on' : undefined }, true)}
            />
            Show new ones live
          </label>
        </span>
      </div>
    </div>
  );
}

/** Events of a capture are in the store moments after it was read: it is asked again until they are. */
function useCaughtUp(
  capture: Capture | undefined,
  answer: { data?: { pages: Events[] }; refetch: () => unknown },
  isWhole: boolean,
): void {
  const cache = useQueryClient();
  const found = answer.data?.pages[0]?.total ?? 0;
  const { refetch } = answer;
  const expected = isWhole && capture?.state === 'done' ? capture.events : 0;
  const end = capture?.finished ? parseTime(capture.finished) + CATCH_UP_MS : 0;
  useEffect(() => {
    if (found >= expected) return;
    const timer = setInterval(() => {
      if (Date.now() > end) return clearInterval(timer);
      refetch();
      void cache.invalidateQueries({ queryKey: ['oldest'] });
      void cache.invalidateQueries({ queryKey: ['histogram'] });
    }, 700);
    return () => clearInterval(timer);
  }, [found, expected, end, refetch, cache]);
}

/** A histogram needs two ends: where all is asked for, the oldest and the newest event say them; null until they do. */
function useWholeSpan(span: Span, newest: string | undefined): Span | null {
  const isWhole = span.since === undefined;
  const oldest = useQuery({
    queryKey: ['oldest', span.q],
    queryFn: ({ signal }) => get<Events>('events', { q: span.q, order: 'oldest', limit: 1 }, signal),
    enabled: isWhole,
  }).data?.items[0]?.time;
  if (!isWhole) return span;
  if (!oldest || !newest) return null;
  // The last moment belongs to it too.
  const end = span.until ?? new Date(parseTime(newest) + 1000).toISOString();
  return { ...span, since: new Date(parseTime(oldest)).toISOString(), until: end };
}

interface Fresh {
  key: string;
  list: Hit[];
  shown: number;
  leftOut: number;
}

/** New events that fit are known to be there at once; they are shown where live is on, else on demand. */
function useFresh(span: Span, isGood: boolean, isLive: boolean) {
  const key = JSON.stringify(span);
  const [state, setState] = useState<Fresh>({ key, list: [], shown: 0, leftOut: 0 });
  const current = state.key === key ? state : { key, list: [], shown: 0, leftOut: 0 };
  // The server holds them against the query; one that ends in the past has no new ones.
  const follows = isGood && !span.until;
  useEffect(() => {
    if (!follows) return;
    live.follow(span.q ?? '');
    return () => live.follow(undefined);
  }, [follows, span.q]);
  const pending = useRef<Hit[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    pending.current = [];
    return () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [key]);
  useLive<Hit>('event', (hit) => {
    if (!follows) return;
    pending.current.push(hit);
    // A thousand a second must not draw a thousand times.
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const batch = pending.current.reverse();
      pending.current = [];
      setState((old) => {
        const before = old.key === key ? old : { key, list: [], shown: 0, leftOut: 0 };
        return { ...before, list: freshest(batch, before.list, MAX_FRESH) };
      });
    }, 150);
  });
  useLive<{ sampled?: number; lagged?: number }>('status', ({ sampled = 0, lagged = 0 }) => {
    if (follows) setState({ ...current, leftOut: current.leftOut + sampled + lagged });
  });
  const shown = isLive ? current.list : current.list.slice(current.list.length - current.shown);
  return {
    fresh: shown,
    waiting: current.list.length - shown.length,
    leftOut: current.leftOut,
    show: () => setState({ ...current, shown: current.list.length }),
  };
}

/** The newest first, each once. */
export function freshest(batch: Hit[], before: Hit[], most: number): Hit[] {
  const seen = new Set<string>();
  return [...batch, ...before].filter((hit) => !seen.has(hit.id) && seen.add(hit.id)).slice(0, most);
}

function HistogramChart({
  data,
  onBrush,
}: {
  data: Histogram;
  onBrush: (since: string, until: string) => void;
}) {
  const { times, series } = useMemo(() => {
    const types = new Map<string, number>();
    for (const bucket of data.buckets)
      for (const [type, count] of Object.entries(bucket.by_type))
        types.set(type, (types.get(type) ?? 0) + count);
    // Alerts stand at the bottom, then the two most frequent; all else is one.
    const named = [...types.keys()]
      .filter((type) => type !== 'alert')
      .sort((a, b) => (types.get(b) ?? 0) - (types.get(a) ?? 0))
      .slice(0, 2);
    const list = [
      ...(types.has('alert') ? [{ name: 'alert', colour: '--high' }] : []),
      ...named.map((name, index) => ({ name, colour: `--series-${index + 1}` })),
    ];
    const drawn = list.map((entry) => ({
      ...entry,
      values: data.buckets.map((bucket) => bucket.by_type[entry.name] ?? 0),
    }));
    const rest = data.buckets.map(
      (bucket, i) => bucket.total - drawn.reduce((sum, entry) => sum + (entry.values[i] ?? 0), 0),
    );
    if (rest.some((count) => count > 0))
      drawn.push({
        name: types.size > drawn.length ? 'others' : 'all',
        colour: '--series-rest',
        values: rest,
      });
    return { times: data.buckets.map((bucket) => parseTime(bucket.time) / 1000), series: drawn };
  }, [data]);
  return (
    <>
      <Chart
        label="Events over time"
        kind="bars"
        height={104}
        times={times}
        series={series}
        onBrush={(from, to) =>
          onBrush(new Date(from * 1000).toISOString(), new Date(to * 1000).toISOString())
        }
      />
      <span className="hunt-step faint">{duration(data.interval_secs)} a bar; drag to zoom</span>
    </>
  );
}

function ColumnMenu({ names, onChange }: { names: string[]; onChange: (names: string[]) => void }) {
  const known = useQuery(fields()).data;
  const [typed, setTyped] = useState('');
  const offered = [...new Set([...names, ...OFFERED])];
  const found = typed
    ? (known ?? [])
        .map((field) => field.path)
        .filter((path) => path.includes(typed.toLowerCase()) && !offered.includes(path))
        .slice(0, 8)
    : [];
  const toggle = (name: string, on: boolean) =>
    onChange(on ? [...names, name] : names.filter((other) => other !== name));
  return (
    <Menu
      label="Columns"
      trigger={
        <>
          <Icon name="columns" size={14} /> Columns
        </>
      }
    >
      {offered.map((name) => (
        <MenuCheck key={name} checked={names.includes(name)} onChange={(on) => toggle(name, on)}>
          <span className="mono">{name}</span>
        </MenuCheck>
      ))}
      <MenuLine />
      <MenuHead>
        <input
          className="input mono"
          aria-label="Another field"
          placeholder="another field"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => {
            // The menu would take letters for its own search.
            if (event.key !== 'Escape' && event.key !== 'Tab') event.stopPropagation();
          }}
        />
      </MenuHead>
      {found.map((name) => (
        <MenuCheck key={name} checked={false} onChange={() => toggle(name, true)}>
          <span className="mono">{name}</span>
        </MenuCheck>
      ))}
      <MenuItem onSelect={() => onChange(DEFAULT_COLUMNS)}>As at first</MenuItem>
    </Menu>
  );
}
