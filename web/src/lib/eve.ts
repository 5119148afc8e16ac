// Reading EVE records: open JSON, so every access asks.
import type { Eve, Json, Severity } from '@/api/types';

/** The value at a dotted path; a list on the way gives its first. */
export function at(event: Json | undefined, path: string): Json | undefined {
  let value: Json | undefined = event;
  for (const key of path.split('.')) {
    if (Array.isArray(value)) value = value[0];
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<string, Json | undefined>)[key];
  }
  return value;
}

export function text(event: Json | undefined, path: string): string {
  const value = at(event, path);
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

export function num(event: Json | undefined, path: string): number | null {
  const value = at(event, path);
  return typeof value === 'number' ? value : null;
}

/** EVE counts severity downwards: 1 is the worst. */
export function severityOf(event: Eve): Severity | null {
  const value = num(event, 'alert.severity');
  if (value === null) return null;
  return value <= 1 ? 'high' : value === 2 ? 'medium' : value === 3 ? 'low' : 'informational';
}

export const end = (event: Eve, side: 'src' | 'dest'): string => {
  const ip = text(event, `${side}_ip`);
  const port = text(event, `${side}_port`);
  return port && port !== '0' ? (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`) : ip;
};

/** One line that says what a record is about. */
export function summary(event: Eve): string {
  const of = (path: string) => text(event, path);
  switch (of('event_type')) {
    case 'alert':
      return of('alert.signature');
    case 'http':
      return [of('http.http_method'), of('http.hostname') + of('http.url'), of('http.status')]
        .filter(Boolean)
        .join(' ');
    case 'dns': {
      const name = of('dns.rrname') || of('dns.queries.rrname');
      return [of('dns.type'), of('dns.rrtype') || of('dns.queries.rrtype'), name, of('dns.rcode')]
        .filter(Boolean)
        .join(' ');
    }
    case 'tls':
      return [of('tls.sni'), of('tls.version'), of('tls.subject')].filter(Boolean).join(' · ');
    case 'flow':
      return `${of('app_proto') || of('proto')} ${of('flow.state')} · ${of('flow.pkts_toserver')} → ${of('flow.pkts_toclient')} ← packets`;
    case 'fileinfo':
      return [of('fileinfo.filename'), of('fileinfo.size') && `${of('fileinfo.size')} B`]
        .filter(Boolean)
        .join(' · ');
    case 'anomaly':
      return [of('anomaly.type'), of('anomaly.event')].filter(Boolean).join(' · ');
    case 'ssh':
      return [of('ssh.client.software_version'), of('ssh.server.software_version')]
        .filter(Boolean)
        .join(' → ');
    case 'smtp':
      return [of('smtp.mail_from'), of('smtp.rcpt_to')].filter(Boolean).join(' → ');
    case 'log':
      return of('message');
    default: {
      const type = of('event_type');
      const inner = at(event, type);
      return inner && typeof inner === 'object' ? JSON.stringify(inner).slice(0, 160) : '';
    }
  }
}

export interface Span {
  /** Where it begins in `bytes`. */
  from: number;
  /** 0 is a place between two bytes. */
  length: number;
  /** The option that found it, and its value as the rule writes it. */
  by: string;
  text: string;
}

export interface Match {
  buffer: string;
  /** Which way it travels. */
  direction: string;
  bytes: Uint8Array;
  /** Where `bytes` begins in its buffer, and how long that is. */
  offset: number;
  length: number;
  spans: Span[];
}

/** Where the rule matched: `ratel.matches`, with every number held against the data it came with. */
export function matchesOf(event: Eve): Match[] {
  const list = at(event, 'ratel.matches');
  if (!Array.isArray(list)) return [];
  const matches: Match[] = [];
  for (const item of list) {
    const bytes = decodeBase64(text(item, 'data'));
    if (!bytes) continue;
    const offset = num(item, 'offset') ?? 0;
    const raw = at(item, 'spans');
    const spans: Span[] = [];
    for (const span of Array.isArray(raw) ? raw : []) {
      const from = (num(span, 'at') ?? NaN) - offset;
      const length = num(span, 'length') ?? NaN;
      if (!(from >= 0) || !(length >= 0) || from > bytes.length) continue;
      spans.push({
        from,
        length: Math.min(length, bytes.length - from),
        by: text(span, 'by'),
        text: text(span, 'text'),
      });
    }
    matches.push({
      buffer: text(item, 'buffer') || 'payload',
      direction: text(item, 'direction'),
      bytes,
      offset,
      length: Math.max(num(item, 'length') ?? 0, offset + bytes.length),
      spans,
    });
  }
  return matches;
}

export function decodeBase64(data: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}
