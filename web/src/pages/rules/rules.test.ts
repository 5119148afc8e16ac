import { expect, it } from 'vitest';
import { limitText } from './panel';
import { each, took } from './rules';

it('tells what one look at a rule costs', () => {
  const of = (checks: number, nanos: number) => each({ checks, nanos, matches: 0 });
  expect(of(10, 5000)).toBe('500 ns');
  expect(of(10, 50_000)).toBe('5.0 µs');
  expect(of(0, 5)).toBe('–');
  expect(of(10, 0)).toBe('–');
});

it('tells times from nanoseconds to seconds', () => {
  expect([999, 1000, 1e6, 1.5e9].map(took)).toEqual(['999 ns', '1.0 µs', '1.0 ms', '1.5 s']);
});

it('tells limits in words', () => {
  expect(limitText({ kind: 'suppress', track: 'by_src', address: '192.0.2.0/24' })).toBe(
    'none for source 192.0.2.0/24',
  );
  expect(limitText({ kind: 'limit', track: 'by_src', count: 1, seconds: 60 })).toBe(
    'at most 1 in 60 s by source',
  );
});
