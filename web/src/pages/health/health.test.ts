import { expect, it } from 'vitest';
import { thin } from './health';

it('thins values without losing a peak', () => {
  const values = Array.from({ length: 1000 }, (_, i) => (i === 777 ? 50 : 1));
  const thinned = thin(values, 60);
  expect(thinned).toHaveLength(60);
  expect(Math.max(...thinned)).toBe(50);
  expect(thin([1, 2], 60)).toEqual([1, 2]);
});
