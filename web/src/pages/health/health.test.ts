import { expect, it } from 'vitest';
import type { Room } from '@/api/types';
import { thin } from './health';
import { disks, roomTone } from './storage';

it('thins values without losing a peak', () => {
  const values = Array.from({ length: 1000 }, (_, i) => (i === 777 ? 50 : 1));
  const thinned = thin(values, 60);
  expect(thinned).toHaveLength(60);
  expect(Math.max(...thinned)).toBe(50);
  expect(thin([1, 2], 60)).toEqual([1, 2]);
});

it('tells folders of one disk together', () => {
  const room = (what: string, disk: string) => ({ what, disk, size: 10 }) as Room;
  const told = disks([room('a', '8:1'), room('b', '8:2'), room('c', '8:1')]);
  expect(told.map((disk) => disk.map((each) => each.what))).toEqual([['a', 'c'], ['b']]);
});

it('warns before a disk is full', () => {
  expect([50, 9, 1].map((free) => roomTone(free, 100))).toEqual(['good', 'warn', 'bad']);
});
