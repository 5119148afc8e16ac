// Keys that work anywhere on a page, but never while somebody types.
import { useEffect, useRef } from 'react';

export type Keys = Record<string, (event: KeyboardEvent) => void>;

/** How long the second key of `g i` may take. */
const SECOND_KEY_MS = 1200;

let prefix = '';
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** The name of a key press: `j`, `?`, `mod+k`, and `g i` for two in a row; empty where it is none of ours. */
export function nameOf(event: KeyboardEvent): string {
  if (event.altKey) return '';
  if (event.metaKey || event.ctrlKey) return `mod+${event.key.toLowerCase()}`;
  if (isTyping(event.target)) return '';
  if (document.querySelector('[role=dialog]')?.contains(event.target as Node)) return '';
  if (prefix) {
    const name = `${prefix} ${event.key}`;
    prefix = '';
    return name;
  }
  if (event.key === 'g') {
    prefix = 'g';
    clearTimeout(prefixTimer);
    prefixTimer = setTimeout(() => (prefix = ''), SECOND_KEY_MS);
    return '';
  }
  return event.key;
}

interface Named extends KeyboardEvent {
  ratelName?: string;
}

export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const listen = (event: Named) => {
      // One press has one name, whoever asks first.
      event.ratelName ??= nameOf(event);
      const act = event.ratelName ? latest.current[event.ratelName] : undefined;
      if (!act || event.defaultPrevented) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}
