// Events in a table: the same on every page that lists them.
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import { useMemo, type ReactNode } from 'react';
import type { Events, Hit } from '@/api/types';
import { at, severityOf, summary, text } from '@/lib/eve';
import { Value } from './pivot';
import { SeverityMark } from './severity';
import { PagedTable, useRows } from './paged-table';
import { Empty } from './states';
import { Ago, At } from './time';

/** Columns that stand for more than one field. */
export const DEFAULT_COLUMNS = ['time', 'event_type', 'src', 'dest', 'summary'];

const NAMES: Record<string, string> = {
  time: 'Time',
  event_type: 'Type',
  src: 'Source',
  dest: 'Destination',
  summary: 'What',
};

const WIDTHS: Record<string, string> = {
  time: '190px',
  event_type: '86px',
  src: 'minmax(150px, 1fr)',
  dest: 'minmax(150px, 1fr)',
  summary: 'minmax(200px, 3.2fr)',
};

function End({ event, side }: { event: Hit['event']; side: 'src' | 'dest' }) {
  const ip = text(event, `${side}_ip`);
  const port = at(event, `${side}_port`);
  if (!ip) return <span className="faint">–</span>;
  return (
    <span className="mono">
      <Value field={`${side}_ip`} value={ip} />
      {typeof port === 'number' && port > 0 ? (
        <>
          <span className="faint">:</span>
          <Value field={`${side}_port`} value={port} />
        </>
      ) : null}
    </span>
  );
}

function cell(name: string, hit: Hit): ReactNode {
  switch (name) {
    case 'time':
      return <At time={hit.time} />;
    case 'src':
    case 'dest':
      return <End event={hit.event} side={name} />;
    case 'summary': {
      const severity = severityOf(hit.event);
      return (
        <span className="ev-what">
          {severity ? <SeverityMark severity={severity} short /> : null}
          <span className="cut">{summary(hit.event)}</span>
        </span>
      );
    }
    default: {
      const value = at(hit.event, name);
      if (value === undefined || value === null) return <span className="faint">–</span>;
      if (typeof value === 'object') return <span className="mono faint">{JSON.stringify(value)}</span>;
      return <Value field={name} value={value} />;
    }
  }
}

export function eventColumns(names: string[]): ColumnDef<Hit>[] {
  return names.map((name) => ({
    id: name,
    header: NAMES[name] ?? name,
    meta: { width: WIDTHS[name] ?? 'minmax(120px, 1fr)' },
    cell: ({ row }) => cell(name, row.original),
  }));
}

function Card({ hit }: { hit: Hit }) {
  const severity = severityOf(hit.event);
  return (
    <div className="inc-card">
      <span className="ev-what">
        {severity ? <SeverityMark severity={severity} short /> : null}
        <span className="faint">{text(hit.event, 'event_type')}</span>
        <span className="cut">{summary(hit.event)}</span>
      </span>
      <span className="ev-what mono quiet">
        <span className="cut">
          {text(hit.event, 'src_ip')} → {text(hit.event, 'dest_ip')}
        </span>
        <span className="ev-ago faint">
          <Ago time={hit.time} />
        </span>
      </span>
    </div>
  );
}

/** Rows that one page keeps; who wants to go further back narrows the time. */
export const MAX_ROWS = 20_000;

export function EventTable({
  answer,
  fresh = [],
  total,
  label,
  names = DEFAULT_COLUMNS,
  main = false,
  empty,
  className,
}: {
  answer: UseInfiniteQueryResult<InfiniteData<Events>>;
  fresh?: Hit[];
  total?: number;
  label: string;
  names?: string[];
  main?: boolean;
  empty?: ReactNode;
  className?: string;
}) {
  const navigate = useNavigate();
  const key = names.join();
  const columns = useMemo(() => eventColumns(key.split(',')), [key]);
  const known = useRows(answer);
  const rows = useMemo(() => {
    if (fresh.length === 0) return known;
    const seen = new Set(fresh.map((hit) => hit.id));
    return [...fresh, ...known.filter((hit) => !seen.has(hit.id))];
  }, [fresh, known]);
  const freshIds = new Set(fresh.map((hit) => hit.id));
  return (
    <PagedTable
      answer={answer}
      most={MAX_ROWS}
      label={label}
      main={main}
      className={className}
      rows={rows}
      columns={columns}
      id={(hit) => hit.id}
      total={total}
      rowHeight={29}
      narrow={(hit) => <Card hit={hit} />}
      narrowHeight={54}
      isFresh={(hit) => freshIds.has(hit.id)}
      onOpen={(hit) => void navigate({ to: '/events/$id', params: { id: hit.id } })}
      empty={empty ?? <Empty title="No events" />}
    />
  );
}
