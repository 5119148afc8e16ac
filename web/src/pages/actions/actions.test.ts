import { expect, it } from 'vitest';
import type { Action } from '@/api/types';
import { isInForce, whatOf } from '@/parts/action';
import { delays } from './panel';

const action = {
  id: 'a1',
  step: 'block',
  target: '192.0.2.1/32',
  mode: 'enforce',
  state: 'effective',
  why: { trigger: { packet: '2026-01-01T00:00:00.000Z', published: '2026-01-01T00:00:00.004Z' } },
  planned: '2026-01-01T00:00:00.005Z',
  executed: '2026-01-01T00:00:00.010Z',
  changed: '2026-01-01T00:00:00.500Z',
} as unknown as Action;

it('says where the time between packet and proof went', () => {
  expect(delays(action).map((part) => part.ms)).toEqual([4, 1, 5, 490]);
  expect(delays({ ...action, why: { reason: '' }, executed: undefined, state: 'planned' })).toEqual([]);
});

it('offers to undo only what the firewall holds', () => {
  const check = (state: string, mode: string, expected: boolean) =>
    expect(isInForce({ ...action, state, mode } as Action)).toBe(expected);
  check('effective', 'enforce', true);
  check('planned', 'observe', false);
  check('planned', 'enforce', true);
  check('expired', 'enforce', false);
  expect(whatOf(action)).toBe('Block 192.0.2.1/32');
});
