// Short words about what was done or refused, told to screen readers too.
import { useSyncExternalStore } from 'react';
import { explain } from './states';
import { Icon } from './icons';

interface Toast {
  id: number;
  bad: boolean;
  text: string;
}

/** More would cover the page. */
const MAX = 4;
let toasts: Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();

function become(next: Toast[]): void {
  toasts = next;
  for (const watcher of watchers) watcher();
}

export function say(text: string, bad = false): void {
  const id = ++last;
  become([...toasts.slice(1 - MAX), { id, bad, text }]);
  setTimeout(() => become(toasts.filter((toast) => toast.id !== id)), bad ? 9000 : 5000);
}

export function complain(error: unknown): void {
  const { title, detail } = explain(error);
  say(detail && detail !== title ? `${title}: ${detail}` : title, true);
}

export function Toasts() {
  const list = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map((toast) => (
        <div key={toast.id} className={`toast${toast.bad ? ' toast-bad' : ''}`}>
          <span>{toast.text}</span>
          <button
            type="button"
            className="btn btn-plain btn-small btn-icon"
            aria-label="Dismiss"
            onClick={() => become(toasts.filter((other) => other.id !== toast.id))}
          >
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
