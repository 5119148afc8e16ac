// Light, dark, or as the system has it.
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'ratel.theme';
const watchers = new Set<() => void>();

export function theme(): Theme {
  const value = document.documentElement.dataset.theme;
  return value === 'light' || value === 'dark' ? value : 'system';
}

export function isDark(): boolean {
  const chosen = theme();
  return chosen === 'system' ? window.matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
}

export function setTheme(next: Theme): void {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  const media = window.matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', watcher);
  return () => {
    watchers.delete(watcher);
    media.removeEventListener('change', watcher);
  };
}

export const useDark = (): boolean => useSyncExternalStore(watch, isDark);
export const useTheme = (): Theme => useSyncExternalStore(watch, theme);
