// Who is logged in, for everything that is drawn.
import { useSyncExternalStore } from 'react';
import { accept, call, onSession, post, refresh } from './client';
import { live } from './live';
import type { Me, Role, Session } from './types';

export type SessionState = { state: 'unknown' } | { state: 'out' } | { state: 'in'; user: Me };

let current: SessionState = { state: 'unknown' };
const watchers = new Set<() => void>();

/** Whether there may be a cookie of an earlier visit: scripts cannot see it, and asking in vain is told as an error. */
const MARK = 'ratel.session';

export function markSession(isThere: boolean): void {
  try {
    if (isThere) localStorage.setItem(MARK, '1');
    else localStorage.removeItem(MARK);
  } catch {
    // A browser that keeps nothing asks in vain.
  }
}

function mayResume(): boolean {
  try {
    return localStorage.getItem(MARK) !== null;
  } catch {
    return true;
  }
}

function become(user: Me | null): void {
  markSession(user !== null);
  current = user ? { state: 'in', user } : { state: 'out' };
  if (user && !user.must_change_password) live.start();
  else live.stop();
  for (const watcher of watchers) watcher();
}
onSession(become);

export function useSession(): SessionState {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => current,
  );
}

/** The cookie of an earlier visit may still be good. */
export async function resume(): Promise<void> {
  if (current.state !== 'unknown') return;
  if (!mayResume()) return become(null);
  try {
    await refresh();
  } catch {
    become(null);
  }
}

export async function login(username: string, password: string): Promise<void> {
  accept(await post<Session>('auth/login', { username, password }));
}

export async function changePassword(old: string, next: string): Promise<void> {
  const answer = await post<Session | undefined>('auth/password', { old, new: next });
  if (answer?.access_token) accept(answer);
  else await refresh();
}

export async function logout(): Promise<void> {
  await call('POST', 'auth/logout').catch(() => undefined);
  accept(null);
}

const RANK: Record<Role, number> = { ingest: -1, viewer: 0, analyst: 1, responder: 2, admin: 3 };

/** Whether who is logged in may do what this role may. The server decides; this only hides what it would refuse. */
export function useMay(role: Role): boolean {
  const session = useSession();
  return session.state === 'in' && RANK[session.user.role] >= RANK[role];
}
