import { describe, expect, it } from 'vitest';
import type { Incident, Step } from '@/api/types';
import { lanesOf, ticks } from './lanes';
import { parties, shortTitle } from './list';

const T = (secs: number) => new Date(Date.UTC(2026, 0, 1) + secs * 1000).toISOString();
const incident = {
  first: T(0),
  last: T(100),
  tactics: [
    { id: 'TA0006', name: 'Credential Access', first: T(50), techniques: [] },
    { id: 'TA0043', name: 'Reconnaissance', first: T(0), techniques: [] },
  ],
} as unknown as Incident;
const step = (secs: number, kind: Step['kind'], tactic?: string): Step => ({
  time: T(secs),
  kind,
  tactic,
  text: 'x',
});

describe('the timeline of an attack', () => {
  it('has a lane for each tactic in the order of the attack, then the rest, then people', () => {
    const { lanes } = lanesOf(incident, [
      step(0, 'event', 'TA0043'),
      step(50, 'event', 'Credential Access'),
      step(60, 'event'),
      step(70, 'action'),
      step(80, 'note'),
    ]);
    expect(lanes.map((lane) => lane.id)).toEqual(['TA0043', 'TA0006', 'events', 'response']);
    expect(lanes[1]?.marks[0]?.x).toBe(0.5);
    expect(lanes[3]?.marks).toHaveLength(2);
  });
  it('makes one mark of many at one place', () => {
    const steps = Array.from({ length: 500 }, (_, i) => step(i / 500, 'event', 'TA0043'));
    const [lane] = lanesOf(incident, steps).lanes;
    expect(lane?.marks).toHaveLength(1);
    expect(lane?.marks[0]?.count).toBe(500);
  });
  it('puts marks of different kinds beside each other', () => {
    const { lanes } = lanesOf({ ...incident, tactics: [] }, [step(50, 'status'), step(50, 'action')]);
    const [status, action] = lanes[0]?.marks ?? [];
    expect((action?.x ?? 0) - (status?.x ?? 0)).toBeGreaterThan(0.02);
  });
  it('counts a step once where its event is told too', () => {
    const event = { ...step(0, 'event', 'TA0043'), ref: 'e1' };
    const [lane] = lanesOf(incident, [step(0, 'event', 'Reconnaissance'), event]).lanes;
    expect(lane?.marks.map((mark) => [mark.ref, mark.count])).toEqual([['e1', 1]]);
  });
  it('shows a tactic that no step tells of', () => {
    expect(lanesOf(incident, []).lanes.map((lane) => lane.id)).toEqual(['TA0043', 'TA0006']);
  });
  it('has a few round ticks, however long it is', () => {
    for (const secs of [1, 59, 600, 7000, 86_400, 90 * 86_400]) {
      const list = ticks(0, secs * 1000);
      expect(list.length).toBeGreaterThan(0);
      expect(list.length).toBeLessThanOrEqual(8);
    }
  });
});

it('leaves who attacked whom to the columns beside it', () => {
  const check = (title: string, expected: string) => expect(shortTitle(title)).toBe(expected);
  check('Port scan: 203.0.113.66 against 192.0.2.1 (web)', 'Port scan');
  check('A: b and 3 more rules: 2001:db8::1 against 192.0.2.1', 'A: b and 3 more rules');
  check('Log4Shell: 5 attackers against 192.0.2.1', 'Log4Shell');
  check('Something: else', 'Something: else');
});

it('names the first party and counts the others', () => {
  expect(parties([])).toBe('–');
  expect(parties([{ address: '192.0.2.1', events: 1, asset: 'web' }])).toBe('web');
  expect(
    parties([
      { address: '192.0.2.1', events: 2 },
      { address: '192.0.2.2', events: 1 },
    ]),
  ).toBe('192.0.2.1 +1');
});
