// The live stream: one connection for the page, kept alive, shared by everybody who listens.
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { address, bearer, refresh } from './client';
import { SseParser, type Message } from '@/lib/sse';

export type Link =
  | { state: 'off' }
  | { state: 'connecting' }
  | { state: 'live'; since: number }
  | { state: 'stale'; since: number; retryAt: number; why: string };

/** Without a word (the server sends a comment every few seconds) for so long, the line is dead. */
const SILENCE_MS = 30_000;
/** Alerts alone. */
const DEFAULT_QUERY = 'event_type:alert';
const BACK_OFF_MS = [500, 1000, 2000, 5000, 10_000, 20_000];

type Listener = (data: unknown, message: Message) => void;

/** A reader that reconnects by itself. `start` and `stop` follow the session. */
export class LiveStream {
  private listeners = new Map<string, Set<Listener>>();
  private watchers = new Set<() => void>();
  private abort: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastId: string | null = null;
  private failures = 0;
  private query = DEFAULT_QUERY;
  link: Link = { state: 'off' };

  constructor(private topics: string) {}

  on(event: string, listener: Listener): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  }

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  private become(link: Link): void {
    this.link = link;
    for (const watcher of this.watchers) watcher();
  }

  start(): void {
    if (this.link.state !== 'off') return;
    void this.connect();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
    this.failures = 0;
    this.lastId = null;
    this.become({ state: 'off' });
  }

  /**
   * Says which events are followed; nothing: alerts, which every page shows. The server leaves events out where there are
   * too many for a person, so a page asks for those that it shows.
   */
  follow(query: string | undefined): void {
    const next = query ?? DEFAULT_QUERY;
    if (next === this.query) return;
    this.query = next;
    this.lastId = null;
    if (this.link.state === 'off') return;
    clearTimeout(this.timer);
    this.abort?.abort();
    void this.connect();
  }

  /** Tries at once instead of waiting for the next turn. */
  retry = (): void => {
    if (this.link.state !== 'stale') return;
    clearTimeout(this.timer);
    void this.connect();
  };

  private async connect(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    const staleSince = this.link.state === 'stale' ? this.link.since : Date.now();
    if (this.link.state === 'off') this.become({ state: 'connecting' });
    let silence: ReturnType<typeof setTimeout> | undefined;
    let why = 'the connection was closed';
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      const token = bearer();
      if (token) headers.Authorization = `Bearer ${token}`;
      if (this.lastId) headers['Last-Event-ID'] = this.lastId;
      const heard = () => {
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
      };
      heard();
      const answer = await fetch(address('stream', { topics: this.topics, q: this.query }), {
        headers,
        signal: abort.signal,
        credentials: 'same-origin',
      });
      if (answer.status === 401) await refresh();
      if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
      this.become({ state: 'live', since: Date.now() });
      const parser = new SseParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard();
        this.failures = 0;
        for (const message of parser.push(value)) this.dispatch(message);
        this.lastId = parser.lastId ?? this.lastId;
      }
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    } finally {
      clearTimeout(silence);
    }
    if (this.abort !== abort) return;
    const base = BACK_OFF_MS[Math.min(this.failures, BACK_OFF_MS.length - 1)] ?? 1000;
    this.failures += 1;
    // Dashboards that lost one server must not come back in step.
    const wait = base * (0.75 + Math.random() / 2);
    const since = this.link.state === 'live' ? Date.now() : staleSince;
    this.become({ state: 'stale', since, retryAt: Date.now() + wait, why });
    this.timer = setTimeout(() => void this.connect(), wait);
  }

  private dispatch(message: Message): void {
    const listeners = this.listeners.get(message.event);
    if (!listeners?.size) return;
    let data: unknown;
    try {
      data = JSON.parse(message.data);
    } catch {
      return;
    }
    for (const listener of [...listeners]) listener(data, message);
  }
}

export const live = new LiveStream('events,incidents,actions,stats');

/** Calls back for each message of one kind as long as the component stands. */
export function useLive<T>(event: string, listener: (data: T) => void): void {
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => live.on(event, (data) => latest.current(data as T)), [event]);
}

export function useLink(): Link {
  return useSyncExternalStore(live.watch, () => live.link);
}
