// Who was seen: the hosts with the most alerts first.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import { useState } from 'react';
import { hosts } from '@/api/queries';
import type { Host } from '@/api/types';
import { bytes, exact } from '@/lib/numbers';
import { PagedTable, useRows } from '@/parts/paged-table';
import { Segments } from '@/parts/segments';
import { Empty } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import './hosts.css';

export const SINCE = [
  ['1h', '1 h'],
  ['1d', '24 h'],
  ['7d', '7 d'],
  ['30d', '30 d'],
] as const;

const columns: ColumnDef<Host>[] = [
  {
    id: 'address',
    header: 'Address',
    meta: { width: 'minmax(170px, 1.4fr)' },
    cell: ({ row }) => <span className="mono">{row.original.address}</span>,
  },
  {
    id: 'asset',
    header: 'Known as',
    meta: { width: 'minmax(140px, 1.4fr)' },
    cell: ({ row }) => <AssetName host={row.original} />,
  },
  {
    id: 'country',
    header: 'Country',
    meta: { width: '76px' },
    cell: ({ row }) => row.original.country ?? <span className="faint">–</span>,
  },
  {
    id: 'alerts',
    header: 'Alerts',
    meta: { width: '90px', num: true },
    cell: ({ row }) =>
      row.original.alerts ? (
        <b className="host-alerts">{exact(row.original.alerts)}</b>
      ) : (
        <span className="faint">0</span>
      ),
  },
  {
    id: 'events',
    header: 'Events',
    meta: { width: '100px', num: true },
    cell: ({ row }) => exact(row.original.events),
  },
  {
    id: 'bytes',
    header: 'Bytes',
    meta: { width: '100px', num: true },
    cell: ({ row }) => bytes(row.original.bytes),
  },
  {
    id: 'first',
    header: 'First seen',
    meta: { width: '110px', num: true },
    cell: ({ row }) => <Ago time={row.original.first} />,
  },
  {
    id: 'last',
    header: 'Last seen',
    meta: { width: '110px', num: true },
    cell: ({ row }) => <Ago time={row.original.last} />,
  },
];

export function AssetName({ host }: { host: Pick<Host, 'asset'> }) {
  if (!host.asset) return <span className="faint">–</span>;
  const { name, role, criticality } = host.asset;
  return (
    <span className="ev-what">
      <span className="cut">{name}</span>
      {role ? <span className="faint cut">{role}</span> : null}
      {criticality === 'high' || criticality === 'critical' ? <Tag tone="warn">{criticality}</Tag> : null}
    </span>
  );
}

export function Hosts() {
  const search = useSearch({ from: '/hosts' });
  const navigate = useNavigate();
  const since = (search.since ?? '1d') as (typeof SINCE)[number][0];
  const [typed, setTyped] = useState(search.q ?? '');
  const answer = useInfiniteQuery(hosts(search.q ?? '', since));
  const rows = useRows(answer);
  return (
    <div className="page page-fixed host-page">
      <div className="page-head">
        <h1>Hosts</h1>
        <Segments
          label="Seen in"
          value={since}
          choices={SINCE}
          onChange={(next) =>
            void navigate({ to: '/hosts', search: { ...search, since: next }, replace: true })
          }
        />
        <form
          className="inc-search end"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            void navigate({ to: '/hosts', search: { ...search, q: typed || undefined }, replace: true });
          }}
        >
          <input
            data-search
            className="input mono"
            type="search"
            aria-label="Address, network or query"
            placeholder="10.0.0.0/8"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </form>
      </div>
      <PagedTable
        answer={answer}
        label="Hosts"
        main
        rows={rows}
        columns={columns}
        id={(host) => host.address}
        narrow={(host) => (
          <div className="inc-card">
            <span className="ev-what">
              <b className="mono cut">{host.address}</b>
              <span className="cut">{host.asset?.name}</span>
            </span>
            <span className="ev-what quiet">
              <span>{exact(host.alerts)} alerts</span>
              <span>{bytes(host.bytes)}</span>
              <span className="ev-ago faint">
                <Ago time={host.last} />
              </span>
            </span>
          </div>
        )}
        onOpen={(host) => void navigate({ to: '/hosts/one', search: { ip: host.address } })}
        empty={
          <Empty title="No host was seen">
            {search.q ? 'None fits in this time.' : 'Traffic that is seen appears here.'}
          </Empty>
        }
      />
    </div>
  );
}
