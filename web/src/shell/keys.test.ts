import { expect, it } from 'vitest';
import { nameOf } from './keys';

const press = (key: string, init: KeyboardEventInit = {}, target: HTMLElement = document.body) => {
  const event = new KeyboardEvent('keydown', { key, ...init });
  Object.defineProperty(event, 'target', { value: target });
  return nameOf(event);
};

it('names single keys, chords and two in a row', () => {
  expect(press('j')).toBe('j');
  expect(press('K', { ctrlKey: true })).toBe('mod+k');
  expect(press('g')).toBe('');
  expect(press('i')).toBe('g i');
  expect(press('i')).toBe('i');
});

it('leaves alone who types', () => {
  const input = document.createElement('input');
  expect(press('j', {}, input)).toBe('');
  expect(press('k', { metaKey: true }, input)).toBe('mod+k');
});
