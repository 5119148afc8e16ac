// What arrives live goes into the one cache: changed things at once, lists and sums a moment later.
import { useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { live, useLive } from '@/api/live';
import type { Action, Incident, IncidentRecord, Page } from '@/api/types';

/** Lists are asked for again at most so often, however much arrives. */
const CALM_MS = 1000;

type Pages<T> = InfiniteData<Page<T>>;

/** Exchanges one item in every kept list; says whether it stood in any. */
export function replaceIn<T>(
  cache: QueryClient,
  key: string,
  same: (item: T) => boolean,
  next: (item: T) => T,
): boolean {
  let found = false;
  cache.setQueriesData<Pages<T>>({ queryKey: [key] }, (data) => {
    if (!data?.pages) return data;
    return {
      ...data,
      pages: data.pages.map((page) => {
        if (!page.items.some(same)) return page;
        found = true;
        return { ...page, items: page.items.map((item) => (same(item) ? next(item) : item)) };
      }),
    };
  });
  return found;
}

export function useLiveCache(): void {
  const cache = useQueryClient();
  const due = useRef(new Map<string, ReturnType<typeof setTimeout>>());
  useEffect(() => {
    const timers = due.current;
    // After an interruption nobody knows what was missed.
    let wasStale = false;
    const stop = live.watch(() => {
      if (live.link.state === 'stale') wasStale = true;
      else if (live.link.state === 'live' && wasStale) {
        wasStale = false;
        void cache.invalidateQueries();
      }
    });
    return () => {
      stop();
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    };
  }, [cache]);
  const later = (key: string) => {
    if (due.current.has(key)) return;
    due.current.set(
      key,
      setTimeout(() => {
        due.current.delete(key);
        void cache.invalidateQueries({ queryKey: [key] });
      }, CALM_MS),
    );
  };
  useLive<Incident | IncidentRecord>('incident', (message) => {
    const incident = 'incident' in message ? message.incident : message;
    const found = replaceIn<IncidentRecord>(
      cache,
      'incidents',
      (record) => record.incident.id === incident.id,
      (record) => ({ ...record, incident }),
    );
    void cache.invalidateQueries({ queryKey: ['incident', incident.id] });
    if (!found) void cache.invalidateQueries({ queryKey: ['incidents'] });
    else later('incidents');
    later('overview');
  });
  useLive<Action>('action', (action) => {
    const found = replaceIn<Action>(
      cache,
      'actions',
      (other) => other.id === action.id,
      () => action,
    );
    cache.setQueryData(['action', action.id], action);
    if (!found) later('actions');
    later('overview');
  });
}
