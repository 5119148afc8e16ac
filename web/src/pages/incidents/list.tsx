// Incidents to be dealt with: filters, one row each, the newest change first.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import { useState } from 'react';
import { incidents } from '@/api/queries';
import { useSession } from '@/api/session';
import { SEVERITIES, type IncidentRecord, type Party } from '@/api/types';
import { exact } from '@/lib/numbers';
import { PagedTable, useRows } from '@/parts/paged-table';
import { Segments } from '@/parts/segments';
import { SeverityMark, SEVERITY_NAMES } from '@/parts/severity';
import { Empty } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { StepsStrip } from './steps-strip';
import './incidents.css';

const STATUSES = [
  ['open', 'Open'],
  ['acknowledged', 'Acknowledged'],
  ['closed', 'Closed'],
  ['all', 'All'],
] as const;

export const STATUS_TONE = { open: 'info', acknowledged: 'plain', closed: 'plain' } as const;

/** `192.0.2.1 and 3 others`, by the name that the assets file has. */
export function parties(list: Party[]): string {
  const [first] = list;
  if (!first) return '–';
  const name = first.asset ?? first.address;
  return list.length === 1 ? name : `${name} +${list.length - 1}`;
}

/** Who attacked whom stands in columns of its own. */
export const shortTitle = (title: string): string =>
  title.replace(/: (?:\d+ attackers|[0-9a-fA-F.:]+(?: \([^)]*\))?) against .*$/, '');

const columns: ColumnDef<IncidentRecord>[] = [
  {
    id: 'severity',
    header: 'Severity',
    meta: { width: '96px' },
    cell: ({ row }) => <SeverityMark severity={row.original.incident.severity} />,
  },
  {
    id: 'title',
    header: 'What',
    meta: { width: 'minmax(200px, 4fr)' },
    cell: ({ row }) => (
      <Link
        to="/incidents/$id"
        params={{ id: row.original.incident.id }}
        className="inc-title"
        title={row.original.incident.title}
        tabIndex={-1}
      >
        {shortTitle(row.original.incident.title)}
      </Link>
    ),
  },
  {
    id: 'attackers',
    header: 'From',
    meta: { width: 'minmax(140px, 1fr)' },
    cell: ({ row }) => <span className="mono">{parties(row.original.incident.attackers)}</span>,
  },
  {
    id: 'victims',
    header: 'To',
    meta: { width: 'minmax(120px, 1fr)' },
    cell: ({ row }) => <span className="mono">{parties(row.original.incident.victims)}</span>,
  },
  {
    id: 'steps',
    header: 'ATT&CK steps',
    meta: { width: '116px' },
    cell: ({ row }) => <StepsStrip tactics={row.original.incident.tactics} />,
  },
  {
    id: 'events',
    header: 'Events',
    meta: { width: '64px', num: true },
    cell: ({ row }) => exact(row.original.incident.events),
  },
  {
    id: 'status',
    header: 'Status',
    meta: { width: '112px' },
    cell: ({ row }) => <Tag tone={STATUS_TONE[row.original.status]}>{row.original.status}</Tag>,
  },
  {
    id: 'owner',
    header: 'Owner',
    meta: { width: '84px' },
    cell: ({ row }) => row.original.owner ?? <span className="faint">nobody</span>,
  },
  {
    id: 'last',
    header: 'Last event',
    meta: { width: '92px', num: true },
    cell: ({ row }) => <Ago time={row.original.incident.last} />,
  },
];

function Card({ record }: { record: IncidentRecord }) {
  const { incident } = record;
  return (
    <div className="inc-card">
      <span className="inc-card-head">
        <SeverityMark severity={incident.severity} short />
        <b className="cut">{shortTitle(incident.title)}</b>
      </span>
      <span className="inc-card-foot">
        <Tag tone={STATUS_TONE[record.status]}>{record.status}</Tag>
        <span className="cut mono quiet">{parties(incident.attackers)}</span>
        <span className="faint">
          <Ago time={incident.last} />
        </span>
      </span>
    </div>
  );
}

export function Incidents() {
  const search = useSearch({ from: '/incidents' });
  const navigate = useNavigate();
  const session = useSession();
  const me = session.state === 'in' ? session.user.name : '';
  const status = (search.status ?? 'open') as (typeof STATUSES)[number][0];
  const [typed, setTyped] = useState(search.q ?? '');
  const filter = {
    status: status === 'all' ? undefined : status,
    severity: search.severity,
    owner: search.owner,
    q: search.q,
  };
  const answer = useInfiniteQuery(incidents(filter));
  const rows = useRows(answer);
  const change = (next: Partial<typeof search>) =>
    void navigate({ to: '/incidents', search: { ...search, ...next }, replace: true });
  const isFiltered = Boolean(search.severity || search.owner || search.q);
  return (
    <div className="page page-fixed inc-page">
      <div className="page-head">
        <h1>Incidents</h1>
        <Segments
          label="Status"
          value={status}
          choices={STATUSES}
          onChange={(next) => change({ status: next })}
        />
        <label className="sr" htmlFor="inc-severity">
          Severity
        </label>
        <select
          id="inc-severity"
          className="input"
          value={search.severity ?? ''}
          onChange={(event) => change({ severity: event.target.value || undefined })}
        >
          <option value="">Any severity</option>
          {SEVERITIES.map((severity) => (
            <option key={severity} value={severity}>
              {SEVERITY_NAMES[severity]}
            </option>
          ))}
        </select>
        <button
          type="button"
          className={`btn${search.owner === me ? ' is-on' : ''}`}
          aria-pressed={search.owner === me}
          onClick={() => change({ owner: search.owner === me ? undefined : me })}
        >
          Mine
        </button>
        <form
          className="inc-search"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            change({ q: typed || undefined });
          }}
        >
          <input
            data-search
            className="input"
            type="search"
            aria-label="Search incidents"
            placeholder="Title, address, signature"
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value);
              if (!event.target.value) change({ q: undefined });
            }}
          />
        </form>
      </div>
      <PagedTable
        answer={answer}
        label="Incidents"
        main
        rows={rows}
        columns={columns}
        id={(record) => record.incident.id}
        rowHeight={36}
        narrow={(record) => <Card record={record} />}
        onOpen={(record) => void navigate({ to: '/incidents/$id', params: { id: record.incident.id } })}
        empty={
          isFiltered ? (
            <Empty title="No incident fits">Take a filter away to see more.</Empty>
          ) : status === 'open' ? (
            <Empty title="Nothing is open">What Ratel finds appears here by itself.</Empty>
          ) : (
            <Empty title="None here" />
          )
        }
      />
    </div>
  );
}
