import { expect, it } from 'vitest';
import { merge } from './feed';
import { rateBetween } from './rates';

const hit = (id: string) => ({ id, time: '', event: {} });

it('shows an alert once, the newest first', () => {
  const list = merge([hit('c'), hit('b')], [hit('b'), hit('a')], 2);
  expect(list.map((each) => each.id)).toEqual(['c', 'b']);
});

it('makes rates of two readings, and none over a restart', () => {
  const at = (secs: number, inspected: number) => ({
    time: `2026-01-01T00:00:0${secs}Z`,
    counters: { inspected, inspected_bytes: 100 * inspected },
  });
  expect(rateBetween(at(0, 10), at(2, 30))).toMatchObject({ packets: 10, bytes: 1000 });
  expect(rateBetween(at(0, 10), at(2, 3))).toBeNull();
  expect(rateBetween(at(0, 10), at(0, 20))).toBeNull();
});
