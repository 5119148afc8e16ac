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

export interface Match {
  buffer: string;
  bytes: Uint8Array;
  offset: number;
  spans: [number, number][];
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
    const spans: [number, number][] = [];
    for (const span of Array.isArray(raw) ? raw : []) {
      if (!Array.isArray(span)) continue;
      const [from, length] = span;
      if (typeof from !== 'number' || typeof length !== 'number' || from < 0 || length <= 0) continue;
      if (from < bytes.length) spans.push([from, Math.min(length, bytes.length - from)]);
    }
    matches.push({ buffer: text(item, 'buffer') || 'payload', bytes, offset, spans });
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
