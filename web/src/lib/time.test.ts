import { describe, expect, it } from 'vitest';
import { parseDuration, parseTime, rangeOf, relative, utc } from './time';

const NOW = Date.UTC(2026, 0, 2, 12, 0, 0);

describe('times', () => {
  it('reads EVE and RFC 3339 alike', () => {
    const check = (text: string, expected: number) => expect(parseTime(text)).toBe(expected);
    check('2026-01-02T12:00:00.000000+0000', NOW);
    check('2026-01-02T14:00:00.000000+0200', NOW);
    check('2026-01-02T12:00:00Z', NOW);
    expect(parseTime('yesterday')).toBeNaN();
  });
  it('tells UTC with all its digits', () => {
    expect(utc('2026-01-02T14:00:00.955582+0200')).toBe('2026-01-02 12:00:00.955582 UTC');
    expect(utc('never')).toBe('never');
  });
  it('is relative where near', () => {
    const check = (ago: number, expected: string) => expect(relative(NOW - ago * 1000, NOW)).toBe(expected);
    check(0, 'now');
    check(42, '42 s ago');
    check(180, '3 min ago');
    check(5 * 3600, '5 h ago');
    check(3 * 86_400, '3 d ago');
    check(-300, 'in 5 min');
  });
  it('understands ranges of the address bar', () => {
    expect(parseDuration('15m')).toBe(900);
    expect(parseDuration('1y')).toBeNull();
    expect(rangeOf('1h', undefined, NOW)).toEqual([NOW - 3_600_000, NOW]);
    expect(rangeOf('2026-01-02T11:00:00Z', '2026-01-02T11:30:00Z', NOW)).toEqual([
      NOW - 3_600_000,
      NOW - 1_800_000,
    ]);
    expect(rangeOf('nonsense', undefined, NOW)).toEqual([NOW - 3_600_000, NOW]);
  });
});
