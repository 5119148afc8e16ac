import { expect, it } from 'vitest';
import { barRange, stack } from './chart';

it('stacks each series on those before it, holes counting as nothing', () => {
  const series = [
    { name: 'a', colour: '', values: [1, null, 3] },
    { name: 'b', colour: '', values: [10, 20, 30] },
  ];
  expect(stack(series)).toEqual([
    [1, 0, 3],
    [11, 20, 33],
  ]);
});

it('has room for the bar of the last moment', () => {
  expect(barRange([0, 10, 20], 0, 20)).toEqual([0, 30]);
  expect(barRange([5], 5, 5)).toEqual([5, 6]);
});
