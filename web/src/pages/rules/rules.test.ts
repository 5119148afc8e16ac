import { expect, it } from 'vitest';
import type { Rule } from '@/api/types';
import { limitText } from './panel';
import { cost } from './rules';

it('tells what one look at a rule costs', () => {
  const of = (checks: number, cost_ns: number) => cost({ checks, cost_ns } as unknown as Rule);
  expect(of(10, 5000)).toBe('500 ns');
  expect(of(10, 50_000)).toBe('5.0 µs');
  expect(of(0, 5)).toBe('');
});

it('tells limits in words', () => {
  expect(limitText({ kind: 'suppress', track: 'by_src', address: '192.0.2.0/24' })).toBe(
    'none for source 192.0.2.0/24',
  );
  expect(limitText({ kind: 'limit', track: 'by_src', count: 1, seconds: 60 })).toBe(
    'at most 1 in 60 s by source',
  );
});
