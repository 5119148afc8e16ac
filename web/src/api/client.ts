// One door to the API: bearer token, silent refresh, problem+json as errors.
import type { Me, Session } from './types';

/** A refusal of the API, as RFC 9457 has it, or a failure to reach it (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly body: Record<string, unknown> = {},
  ) {
    super(detail || title);
    this.name = 'Problem';
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const BASE = '/api/v1/';

let token: string | null = null;
let refreshing: Promise<Session | null> | null = null;
const listeners = new Set<(user: Me | null) => void>();

/** Tells whoever asks when the session begins, changes or ends. */
export function onSession(listener: (user: Me | null) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function accept(session: Session | null): void {
  token = session?.access_token ?? null;
  for (const listener of listeners) listener(session?.user ?? null);
}

export function bearer(): string | null {
  return token;
}

/** Trades the cookie for a new access token. Many callers share one request: the cookie rotates with each. */
export function refresh(): Promise<Session | null> {
  refreshing ??= (async () => {
    const answer = await fetch(BASE + 'auth/refresh', { method: 'POST', credentials: 'same-origin' });
    const session = answer.ok ? ((await answer.json()) as Session) : null;
    accept(session);
    return session;
  })().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return BASE + path + (text ? '?' + text : '');
}

async function send(method: string, path: string, options: Options): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  let body: BodyInit | undefined;
  if (options.body instanceof Blob || options.body instanceof FormData) body = options.body;
  else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.body);
  }
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    return await fetch(address(path, options.query), {
      method,
      headers,
      body,
      signal: options.signal,
      credentials: 'same-origin',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, 'No connection', 'Ratel cannot be reached.');
  }
}

async function problem(answer: Response): Promise<Problem> {
  const text = await answer.text().catch(() => '');
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    return new Problem(
      answer.status,
      String(body.title ?? answer.statusText),
      String(body.detail ?? body.title ?? answer.statusText),
      body,
    );
  } catch {
    return new Problem(answer.status, answer.statusText || `Status ${answer.status}`, text.slice(0, 300));
  }
}

/** The raw answer, after one silent refresh where the token ran out. */
export async function open(method: string, path: string, options: Options = {}): Promise<Response> {
  let answer = await send(method, path, options);
  if (answer.status === 401 && !path.startsWith('auth/login')) {
    const session = await refresh().catch(() => null);
    if (session) answer = await send(method, path, options);
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const answer = await open(method, path, options);
  const text = await answer.text();
  if (!text) return undefined as T;
  const type = answer.headers.get('content-type') ?? '';
  return (type.includes('json') ? JSON.parse(text) : text) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
  call<T>('GET', path, { query, signal });
export const post = <T>(path: string, body?: unknown, options: Options = {}) =>
  call<T>('POST', path, { ...options, body });

/** An order is given once, however often its answer is lost. */
export const order = <T>(method: 'POST' | 'DELETE', path: string, body?: unknown) =>
  call<T>(method, path, { body, headers: { 'Idempotency-Key': crypto.randomUUID() } });

/** Fetches a file with the token and hands it to the browser as a download. */
export async function download(path: string, name: string, query?: Query): Promise<void> {
  const answer = await open('GET', path, { query, headers: { Accept: '*/*' } });
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Uploads with progress, which `fetch` cannot tell. */
export function upload<T>(
  path: string,
  file: File,
  query: Query,
  onProgress: (share: number) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address(path, query));
    if (token) request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = () => reject(new Problem(0, 'No connection', 'The upload was cut off.'));
    request.onload = () => {
      let body: Record<string, unknown> = {};
      try {
        body = JSON.parse(request.responseText) as Record<string, unknown>;
      } catch {
        // An answer that is no JSON says nothing more than its status.
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else
        reject(
          new Problem(
            request.status,
            String(body.title ?? 'Refused'),
            String(body.detail ?? body.title ?? `Status ${request.status}`),
            body,
          ),
        );
    };
    // A form, since it tells the file's name too.
    const form = new FormData();
    form.set('capture', file);
    request.send(form);
  });
}
