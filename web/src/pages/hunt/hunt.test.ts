import { expect, it } from 'vitest';
import { csvCell } from './export';
import { captureOf } from './capture';
import { freshest, spanOf } from './hunt';

it('shows what is new once, the newest first', () => {
  const hit = (id: string) => ({ id, time: '', event: {} });
  expect(freshest([hit('c'), hit('b')], [hit('b'), hit('a')], 2).map((each) => each.id)).toEqual(['c', 'b']);
});

it('asks for all time by leaving it out', () => {
  expect(spanOf('', { since: 'all' })).toEqual({ q: undefined, since: undefined, until: undefined });
  expect(spanOf('a:1', { since: '1h' }).since).toBe('1h');
});

it('never lets a cell become a formula', () => {
  expect(csvCell('=cmd()')).toBe("'=cmd()");
  expect(csvCell('-5')).toBe('-5');
  expect(csvCell('a,"b"')).toBe('"a,""b"""');
});

it('knows a query that asks for one capture alone', () => {
  const check = (query: string, expected: string) => expect(captureOf(query)).toBe(expected);
  check('ratel.capture:c0ffee', 'c0ffee');
  check(' ratel.capture:"c0ffee" ', 'c0ffee');
  check('ratel.capture:c0ffee AND event_type:alert', '');
  check('ratel.capture:c*', '');
});
