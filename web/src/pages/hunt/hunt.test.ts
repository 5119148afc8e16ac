import { expect, it } from 'vitest';
import { csvCell } from './export';
import { filterOf, spanOf } from './hunt';

it('shows live only what surely fits', () => {
  const hit = { id: '1', time: '', event: { event_type: 'alert', alert: { severity: 1 } } };
  const check = (q: string, expected: boolean) =>
    expect(filterOf(spanOf(q, { since: '1h' }))(hit)).toBe(expected);
  check('', true);
  check('event_type:alert', true);
  check('event_type:alert AND alert.severity:1', true);
  check('event_type:dns', false);
  check('event_type:a*', false);
  check('NOT event_type:dns', false);
  expect(filterOf(spanOf('', { since: '1h', until: '2026-01-01T00:00:00Z' }))(hit)).toBe(false);
});

it('never lets a cell become a formula', () => {
  expect(csvCell('=cmd()')).toBe("'=cmd()");
  expect(csvCell('-5')).toBe('-5');
  expect(csvCell('a,"b"')).toBe('"a,""b"""');
});
