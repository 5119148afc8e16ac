import { expect, it } from 'vitest';
import { stack } from './chart';

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
