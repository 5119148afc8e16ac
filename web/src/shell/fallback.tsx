// What stands where a page should be: it is on its way, it failed, it does not exist.
import { Link, type ErrorComponentProps } from '@tanstack/react-router';
import { Empty, Failed, Loading as Skeleton } from '@/parts/states';

export function Loading() {
  return (
    <div className="page">
      <Skeleton label="Loading the page" />
    </div>
  );
}

export function Missing() {
  return (
    <div className="page">
      <h1>Not found</h1>
      <Empty title="There is no such page">
        <Link to="/overview">Go to the overview</Link>
      </Empty>
    </div>
  );
}

export function Crashed({ error, reset }: ErrorComponentProps) {
  return (
    <div className="page">
      <h1>This page failed</h1>
      <Failed error={error} retry={reset} />
    </div>
  );
}
