// Times as people read them: local zone, relative where near, UTC on demand.

/** Milliseconds since 1970 of RFC 3339 or of EVE's `2019-05-15T08:11:18.955582+0000`; NaN where it is no time. */
export function parseTime(text: string): number {
  return Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
}

const two = (n: number) => String(n).padStart(2, '0');

export function clock(ms: number, millis = false): string {
  const d = new Date(ms);
  const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return millis ? `${text}.${String(d.getMilliseconds()).padStart(3, '0')}` : text;
}

export function day(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** `2026-11-21 08:11:18.955` in the reader's zone. */
export function absolute(ms: number, millis = true): string {
  return Number.isNaN(ms) ? '–' : `${day(ms)} ${clock(ms, millis)}`;
}

/** The same in UTC, for titles: what other tools and other people's logs say. */
export function utc(text: string): string {
  const ms = parseTime(text);
  if (Number.isNaN(ms)) return text;
  // EVE tells microseconds, a Date does not keep them.
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? '000';
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}.${fraction} UTC`;
}

/** `now`, `42 s ago`, `3 min ago`, `5 h ago`, `2 d ago`, then the date; `in 5 min` for what is to come. */
export function relative(ms: number, now: number): string {
  if (Number.isNaN(ms)) return '–';
  const ahead = ms > now + 1000;
  const secs = Math.floor(Math.abs(now - ms) / 1000);
  if (secs < 2) return 'now';
  if (secs >= 14 * 86_400) return day(ms);
  const text = duration(secs);
  return ahead ? `in ${text}` : `${text} ago`;
}

/** One unit: `42 s`, `3 min`, `5 h`, `2 d`. */
export function duration(secs: number): string {
  if (secs < 1) return `${Math.round(secs * 1000)} ms`;
  if (secs < 90) return `${Math.round(secs)} s`;
  if (secs < 90 * 60) return `${Math.round(secs / 60)} min`;
  if (secs < 36 * 3600) return `${Math.round(secs / 3600)} h`;
  return `${Math.round(secs / 86_400)} d`;
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of `90s`, `15m`, `1h`, `7d`, `2w`; null where it is no duration. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,7})\s*([smhdw])$/.exec(text.trim());
  const unit = match?.[2] ? UNITS[match[2]] : undefined;
  return match?.[1] && unit ? Number(match[1]) * unit : null;
}

/** A range of the address bar (`since`, `until`: relative or RFC 3339) as two moments. */
export function rangeOf(since: string, until: string | undefined, now: number): [number, number] {
  const at = (text: string): number => {
    const secs = parseDuration(text);
    return secs === null ? parseTime(text) : now - secs * 1000;
  };
  const end = until ? at(until) : now;
  const begin = at(since);
  return [Number.isNaN(begin) ? now - 3_600_000 : begin, Number.isNaN(end) ? now : end];
}
