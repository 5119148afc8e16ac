// Where the marks of an attack's timeline stand: pure geometry, drawn by timeline.tsx.
import type { Incident, Step } from '@/api/types';
import { nameOf, placeOf } from '@/lib/attack';
import { parseTime } from '@/lib/time';

export interface Mark {
  time: number;
  kind: Step['kind'];
  text: string;
  ref: string | null;
  /** How many of one lane fell on the same place. */
  count: number;
  /** From 0 (the first moment) to 1 (the last). */
  x: number;
}

export interface Lane {
  id: string;
  name: string;
  kind: 'tactic' | 'other' | 'people';
  first: number | null;
  marks: Mark[];
}

/** Marks nearer than this share of the width become one, unless told otherwise. */
const MERGE = 0.024;

/**
 * One lane for each tactic in the order in which the attack reached it, one for events without a tactic, one for
 * what Ratel and people did. Empty lanes are left out.
 */
export function lanesOf(
  incident: Incident,
  steps: Step[],
  near = MERGE,
): { lanes: Lane[]; from: number; to: number } {
  const times = steps.map((step) => parseTime(step.time)).filter((ms) => !Number.isNaN(ms));
  const from = Math.min(parseTime(incident.first), ...times);
  const last = Math.max(parseTime(incident.last), ...times);
  // A single moment still gets a width to be drawn in.
  const to = Math.max(last, from + 1000);
  const lanes = new Map<string, Lane>();
  const lane = (id: string, name: string, kind: Lane['kind'], first: number | null): Lane => {
    const known = lanes.get(id);
    if (known) return known;
    const made = { id, name, kind, first, marks: [] };
    lanes.set(id, made);
    return made;
  };
  const tactics = [...incident.tactics].sort(
    (a, b) => parseTime(a.first) - parseTime(b.first) || placeOf(a.id) - placeOf(b.id),
  );
  for (const tactic of tactics) lane(tactic.id, tactic.name, 'tactic', parseTime(tactic.first));
  const byName = new Map(tactics.map((tactic) => [tactic.name.toLowerCase(), tactic.id]));
  for (const step of steps) {
    const time = parseTime(step.time);
    if (Number.isNaN(time)) continue;
    const tactic = step.tactic
      ? (byName.get(step.tactic.toLowerCase().replace(/_/g, ' ')) ?? step.tactic)
      : null;
    const home =
      step.kind !== 'event'
        ? lane('response', 'Response', 'people', null)
        : tactic
          ? lane(tactic, nameOf(tactic), 'tactic', time)
          : lane('events', 'Other events', 'other', null);
    home.marks.push({
      time,
      kind: step.kind,
      text: step.text,
      ref: step.ref ?? null,
      count: 1,
      x: (time - from) / (to - from),
    });
  }
  const order = (each: Lane) => (each.kind === 'tactic' ? 0 : each.kind === 'other' ? 1 : 2);
  const drawn = [...lanes.values()].sort((a, b) => order(a) - order(b));
  // A tactic that no step tells of still has its first moment.
  for (const each of drawn) {
    if (each.kind === 'tactic' && each.marks.length === 0 && each.first !== null) {
      each.marks.push({
        time: each.first,
        kind: 'event',
        text: each.name,
        ref: null,
        count: 1,
        x: Math.max(0, Math.min(1, (each.first - from) / (to - from))),
      });
    }
    // What tells of the tactic as a whole is left to its events.
    const named = each.marks.filter((mark) => mark.ref !== null);
    if (each.kind === 'tactic' && named.length > 0) each.marks = named;
    each.marks = merge(
      each.marks.sort((a, b) => a.time - b.time),
      near,
    );
  }
  return { lanes: drawn.filter((each) => each.marks.length > 0), from, to };
}

function merge(marks: Mark[], near: number): Mark[] {
  const merged: Mark[] = [];
  for (const mark of marks) {
    const before = merged[merged.length - 1];
    const isNear = before !== undefined && mark.x - before.x < near;
    if (isNear && before.kind === mark.kind) before.count += 1;
    // Of another kind: beside it, so that both can be pointed at.
    else merged.push({ ...mark, x: isNear ? Math.min(1, before.x + near) : mark.x });
  }
  return merged;
}

/** Moments for the axis: round ones, four to eight of them. */
export function ticks(from: number, to: number, want = 6): number[] {
  const span = to - from;
  const steps = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
  ];
  let step = (steps.find((secs) => span / (secs * 1000) <= want) ?? 86_400) * 1000;
  while (span / step > want) step *= 2;
  const first = Math.ceil(from / step) * step;
  const list: number[] = [];
  for (let at = first; at <= to && list.length <= want + 1; at += step) list.push(at);
  return list;
}
