// How a place looks that has nothing, waits, or failed.
import type { ReactNode } from 'react';
import { Problem } from '@/api/client';

export function Loading({ label = 'Loading' }: { label?: string }) {
  return (
    <div className="skeleton" role="status" aria-label={label}>
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children ? <p>{children}</p> : null}
    </div>
  );
}

/** What went wrong in words, and a way on. */
export function explain(error: unknown): { title: string; detail: string } {
  if (error instanceof Problem) {
    if (error.status === 0)
      return { title: 'Ratel cannot be reached', detail: 'It is tried again by itself.' };
    if (error.status === 403) return { title: 'Your role does not allow this', detail: error.detail };
    if (error.status === 404) return { title: 'There is no such thing', detail: error.detail };
    return { title: error.title || 'Refused', detail: error.detail };
  }
  return {
    title: 'Something went wrong here',
    detail: error instanceof Error ? error.message : String(error),
  };
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, detail } = explain(error);
  return (
    <div className="state" role="alert">
      <strong>{title}</strong>
      {detail && detail !== title ? <p>{detail}</p> : null}
      {retry ? (
        <button type="button" className="btn" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** Draws a question to the API in each of its states; what was known stays while a refresh fails. */
export function Ask<T>({
  of,
  empty,
  children,
}: {
  of: Asked<T>;
  empty?: (data: T) => ReactNode;
  children: (data: T) => ReactNode;
}) {
  if (of.data !== undefined) {
    const nothing = empty?.(of.data);
    return (
      <>
        {of.error ? (
          <div className="note-warn" role="status">
            Not fresh: {explain(of.error).title}.
            <button type="button" className="btn btn-small" onClick={() => of.refetch()}>
              Try again
            </button>
          </div>
        ) : null}
        {nothing ?? children(of.data)}
      </>
    );
  }
  if (of.error) return <Failed error={of.error} retry={() => of.refetch()} />;
  return <Loading />;
}
