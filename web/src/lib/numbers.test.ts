import { expect, it } from 'vitest';
import { percent, plural, short } from './numbers';

it('shortens without lying', () => {
  const check = (n: number, expected: string) => expect(short(n)).toBe(expected);
  check(0, '0');
  check(999, '999');
  check(12_345, '12.3 k');
  check(999_700, '1.0 M');
  check(4_100_000, '4.1 M');
});

it('never rounds a loss to none', () => {
  expect(percent(1, 1_000_000)).toBe('< 0.01 %');
  expect(percent(0, 10)).toBe('0 %');
  expect(percent(1, 0)).toBe('0 %');
  expect(percent(1, 8)).toBe('13 %');
});

it('counts one thing as one', () => {
  expect(plural(1, 'event')).toBe('1 event');
  expect(plural(2000, 'event')).toBe('2,000 events');
});
