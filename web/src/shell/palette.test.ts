import { expect, it } from 'vitest';
import { score } from './palette';

it('finds by part, then by letters in order', () => {
  expect(score('Incidents', 'inc')).toBe(0);
  expect(score('Incidents', 'dent')).toBe(1);
  expect(score('Block an address…', 'bad')).toBe(2);
  expect(score('Hunt', 'xyz')).toBeNull();
});
