import { expect, it } from 'vitest';
import { Problem } from '@/api/client';
import { placeOf, rank } from './query-box';

it('completes what begins so before what only contains it', () => {
  const fields = ['flow.src_ip', 'src_ip', 'dest_ip', 'src_port', 'tls.xsrc'].map((path) => ({ path }));
  expect(rank(fields, 'src').map((field) => field.path)).toEqual([
    'src_ip',
    'src_port',
    'flow.src_ip',
    'tls.xsrc',
  ]);
});

it('finds the place of a refusal, as a number or in words', () => {
  expect(placeOf(new Problem(400, 'x', 'y', { at: 4 }))).toBe(4);
  expect(placeOf(new Problem(400, 'x', 'q: character 5: a bracket is not closed'))).toBe(4);
  expect(placeOf(new Problem(400, 'x', 'q, at character 4: a bracket is not closed'))).toBe(4);
  expect(placeOf(new Problem(400, 'x', 'too long'))).toBeNull();
});
