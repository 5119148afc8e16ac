// What the screen is like.
import { useSyncExternalStore } from 'react';

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (watcher) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', watcher);
      return () => list.removeEventListener('change', watcher);
    },
    () => window.matchMedia(query).matches,
  );
}

export const useNarrow = () => useMedia('(width < 720px)');
