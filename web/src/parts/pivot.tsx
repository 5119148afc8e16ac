// Any value is a way on: one menu for all of them, opened where the value stands.
import * as Popover from '@radix-ui/react-popover';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useRef, useSyncExternalStore, type KeyboardEvent } from 'react';
import { pivot, type Pivot } from '@/lib/query';
import { say } from './toast';

interface Target {
  element: HTMLElement;
  field: string;
  value: string | number | boolean;
}

let target: Target | null = null;
const watchers = new Set<() => void>();

function open(next: Target | null): void {
  target = next;
  for (const watcher of watchers) watcher();
}

export function Value({
  field,
  value,
  show,
  mono,
}: {
  field: string;
  value: string | number | boolean;
  show?: string;
  mono?: boolean;
}) {
  const isMono = mono ?? /_ip$|address|_port$|mac$|md5|sha|hash|_id$/.test(field);
  return (
    <button
      type="button"
      className={`value${isMono ? ' mono' : ''}`}
      title={String(value)}
      aria-haspopup="dialog"
      onClick={(event) => {
        event.stopPropagation();
        open({ element: event.currentTarget, field, value });
      }}
    >
      {show ?? String(value)}
    </button>
  );
}

function walk(event: KeyboardEvent<HTMLDivElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('.menu-item')];
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length]?.focus();
}

/** Stands once in the page. */
export function PivotMenu() {
  const current = useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => target,
  );
  const navigate = useNavigate();
  const search = useRouterState({ select: (state) => state.location });
  const anchor = useRef<HTMLElement>(null);
  anchor.current = current?.element ?? null;
  const onHunt = search.pathname === '/hunt';
  const query = onHunt ? String((search.search as Record<string, unknown>).q ?? '') : '';

  function go(how: Pivot): void {
    if (!current) return;
    const q = pivot(query, current.field, current.value, how);
    open(null);
    void navigate({
      to: '/hunt',
      search: (old: Record<string, unknown>) => (onHunt ? { ...old, q } : { q }),
    });
  }
  const isAddress = current && /_ip$|^address$/.test(current.field) && typeof current.value === 'string';
  return (
    <Popover.Root open={current !== null} onOpenChange={(next) => !next && open(null)}>
      <Popover.Anchor virtualRef={anchor as never} />
      <Popover.Portal>
        <Popover.Content
          className="menu"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label="What to do with this value"
          onKeyDown={walk}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            anchor.current?.focus();
          }}
        >
          {current ? (
            <>
              <p className="menu-head">
                {current.field}
                <br />
                <span className="mono">{String(current.value).slice(0, 200)}</span>
              </p>
              {onHunt && query ? (
                <>
                  <button type="button" className="menu-item" onClick={() => go('add')}>
                    Add to the query
                  </button>
                  <button type="button" className="menu-item" onClick={() => go('exclude')}>
                    Exclude
                  </button>
                  <button type="button" className="menu-item" onClick={() => go('only')}>
                    Only this
                  </button>
                </>
              ) : (
                <>
                  <button type="button" className="menu-item" onClick={() => go('only')}>
                    Hunt for it
                  </button>
                  <button type="button" className="menu-item" onClick={() => go('exclude')}>
                    Hunt for all but it
                  </button>
                </>
              )}
              {isAddress ? (
                <button
                  type="button"
                  className="menu-item"
                  onClick={() => {
                    const ip = String(current.value);
                    open(null);
                    void navigate({ to: '/hosts/one', search: { ip } });
                  }}
                >
                  Look at the host
                </button>
              ) : null}
              <div className="menu-line" />
              <button
                type="button"
                className="menu-item"
                onClick={() => {
                  void navigator.clipboard
                    ?.writeText(String(current.value))
                    .then(() => say('Copied'))
                    .catch(() => say('The browser does not let this page copy', true));
                  open(null);
                }}
              >
                Copy
              </button>
            </>
          ) : null}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
