// Every question that pages ask, with the name under which its answer is kept.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, open, type Query } from './client';
import type {
  Action,
  ApiToken,
  Capture,
  Context,
  Counted,
  Events,
  Field,
  Hit,
  Histogram,
  Host,
  HostDetail,
  IncidentFull,
  IncidentRecord,
  Overview,
  Page,
  Receiver,
  Rule,
  Rules,
  SavedQuery,
  SeriesAnswer,
  Silence,
  StatusReport,
  Storage,
  Step,
  User,
} from './types';

export interface Span {
  q?: string;
  since?: string;
  until?: string;
}

const PAGE = 200;
const BIG_PAGE = 500;

function paged<T extends Page<unknown>>(key: unknown[], path: string, query: Query, limit = PAGE) {
  return infiniteQueryOptions({
    queryKey: [...key, query],
    queryFn: ({ pageParam, signal }) => get<T>(path, { ...query, limit, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

export const overview = (since: string) =>
  queryOptions({
    queryKey: ['overview', since],
    queryFn: ({ signal }) => get<Overview>('overview', { since }, signal),
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });

export const incidents = (filter: Query) => paged<Page<IncidentRecord>>(['incidents'], 'incidents', filter);

export const incident = (id: string) =>
  queryOptions({
    queryKey: ['incident', id],
    queryFn: async ({ signal }) => {
      const answer = await open('GET', `incidents/${encodeURIComponent(id)}`, { signal });
      const record = (await answer.json()) as IncidentFull;
      return { ...record, etag: answer.headers.get('etag') ?? `"${record.version}"` };
    },
  });

export const incidentSteps = (id: string) =>
  queryOptions({
    queryKey: ['incident', id, 'timeline'],
    queryFn: async ({ signal }) => {
      const answer = await get<Step[] | Page<Step>>(
        `incidents/${encodeURIComponent(id)}/timeline`,
        {},
        signal,
      );
      return Array.isArray(answer) ? answer : answer.items;
    },
  });

export const incidentEvents = (id: string) =>
  paged<Events>(['incident', id, 'events'], `incidents/${encodeURIComponent(id)}/events`, {});

export const events = (span: Span & { order?: string }) =>
  paged<Events>(['events'], 'events', { ...span }, BIG_PAGE);

export const histogram = (span: Span, buckets: number) =>
  queryOptions({
    queryKey: ['histogram', span, buckets],
    queryFn: ({ signal }) => get<Histogram>('events/histogram', { ...span, buckets }, signal),
    placeholderData: keepPreviousData,
  });

export const event = (id: string) =>
  queryOptions({
    queryKey: ['event', id],
    queryFn: ({ signal }) => get<Hit>(`events/${encodeURIComponent(id)}`, {}, signal),
    staleTime: Infinity,
  });

export const eventContext = (id: string) =>
  queryOptions({
    queryKey: ['event', id, 'context'],
    queryFn: ({ signal }) => get<Context>(`events/${encodeURIComponent(id)}/context`, {}, signal),
  });

export const fields = () =>
  queryOptions({
    queryKey: ['fields'],
    queryFn: async ({ signal }) => {
      const answer = await get<Field[] | Page<Field>>('events/fields', {}, signal);
      return Array.isArray(answer) ? answer : answer.items;
    },
    staleTime: 300_000,
  });

export const values = (field: string, prefix: string, q: string | undefined, limit = 12) =>
  queryOptions({
    queryKey: ['values', field, prefix, q, limit],
    queryFn: async ({ signal }) => {
      const answer = await get<Counted[] | Page<Counted>>(
        'events/values',
        { field, prefix, q, limit },
        signal,
      );
      return Array.isArray(answer) ? answer : answer.items;
    },
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  });

export const hosts = (q: string, since: string) => paged<Page<Host>>(['hosts'], 'hosts', { q, since });

export const host = (ip: string, since: string) =>
  queryOptions({
    queryKey: ['host', ip, since],
    queryFn: ({ signal }) => get<HostDetail>(`hosts/${encodeURIComponent(ip)}`, { since }, signal),
  });

export const actions = (filter: Query) => paged<Page<Action>>(['actions'], 'actions', filter);

export const action = (id: string) =>
  queryOptions({
    queryKey: ['action', id],
    queryFn: ({ signal }) => get<Action>(`actions/${encodeURIComponent(id)}`, {}, signal),
  });

export const rules = (filter: Query) => paged<Rules>(['rules'], 'rules', filter, BIG_PAGE);

export const rule = (sid: number) =>
  queryOptions({
    queryKey: ['rule', sid],
    queryFn: ({ signal }) => get<Rule>(`rules/${sid}`, {}, signal),
  });

async function list<T>(path: string, signal: AbortSignal): Promise<T[]> {
  const answer = await get<T[] | Page<T>>(path, { limit: 200 }, signal);
  return Array.isArray(answer) ? answer : answer.items;
}

export const silences = () =>
  queryOptions({ queryKey: ['silences'], queryFn: ({ signal }) => list<Silence>('silences', signal) });
export const receivers = () =>
  queryOptions({
    queryKey: ['receivers'],
    queryFn: ({ signal }) => list<Receiver>('receivers', signal),
    refetchInterval: 15_000,
  });
export const savedQueries = () =>
  queryOptions({ queryKey: ['queries'], queryFn: ({ signal }) => list<SavedQuery>('queries', signal) });
export const users = () =>
  queryOptions({ queryKey: ['users'], queryFn: ({ signal }) => list<User>('users', signal) });
export const tokens = () =>
  queryOptions({ queryKey: ['tokens'], queryFn: ({ signal }) => list<ApiToken>('tokens', signal) });

export const status = () =>
  queryOptions({
    queryKey: ['status'],
    queryFn: ({ signal }) => get<StatusReport>('status', {}, signal),
    refetchInterval: 5_000,
  });

export const storage = () =>
  queryOptions({
    queryKey: ['storage'],
    queryFn: ({ signal }) => get<Storage>('health/storage', {}, signal),
    refetchInterval: 5_000,
  });

export const series = (metric: string, since: string) =>
  queryOptions({
    queryKey: ['series', metric, since],
    queryFn: ({ signal }) => get<SeriesAnswer>('health/series', { metric, since }, signal),
    refetchInterval: 10_000,
  });

export const capture = (id: string) =>
  queryOptions({
    queryKey: ['capture', id],
    queryFn: ({ signal }) => get<Capture>(`captures/${encodeURIComponent(id)}`, {}, signal),
    retry: false,
    refetchInterval: (query) =>
      query.state.data && ['done', 'failed'].includes(query.state.data.state) ? false : 400,
  });
