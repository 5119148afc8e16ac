import { expect, it } from 'vitest';
import { minWidth } from './table';

it('adds up what the columns need at least', () => {
  expect(minWidth('104px minmax(240px, 3fr) 72px')).toBe(416);
});
