// What Ratel does about attacks: states with their proof or the reason that there is none; undo, approve, block.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import { actions } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Action } from '@/api/types';
import { duration } from '@/lib/time';
import { ActionState, whatOf } from '@/parts/action';
import { PagedTable, useRows } from '@/parts/paged-table';
import { Segments } from '@/parts/segments';
import { Empty } from '@/parts/states';
import { Ago } from '@/parts/time';
import { BlockDialog } from './block';
import { ActionPanel } from './panel';
import './actions.css';

const STATES = [
  ['all', 'All'],
  ['in_force', 'In force'],
  ['awaiting_approval', 'Waiting for approval'],
  ['effective', 'Effective'],
  ['ineffective', 'Ineffective'],
  ['refused', 'Refused'],
] as const;

/** In few words why, or what stands in the way. */
export function reasonOf(action: Action): string {
  if (action.state === 'ineffective' || action.state === 'refused' || action.state === 'unknown')
    return action.cause ?? action.failure ?? '';
  return action.why.reason ?? '';
}

const columns: ColumnDef<Action>[] = [
  {
    id: 'state',
    header: 'State',
    meta: { width: '142px' },
    cell: ({ row }) => <ActionState action={row.original} />,
  },
  {
    id: 'what',
    header: 'What',
    meta: { width: 'minmax(180px, 1.5fr)' },
    cell: ({ row }) => <span className="mono">{whatOf(row.original)}</span>,
  },
  {
    id: 'why',
    header: 'Why',
    meta: { width: 'minmax(160px, 2fr)' },
    cell: ({ row }) => <span title={reasonOf(row.original)}>{reasonOf(row.original)}</span>,
  },
  {
    id: 'by',
    header: 'By',
    meta: { width: '130px' },
    cell: ({ row }) => {
      const { person, playbook, feed } = row.original.why;
      return person ?? playbook ?? feed ?? <span className="faint">–</span>;
    },
  },
  {
    id: 'ttl',
    header: 'For',
    meta: { width: '70px', num: true },
    cell: ({ row }) => duration(row.original.ttl_secs),
  },
  {
    id: 'planned',
    header: 'Planned',
    meta: { width: '96px', num: true },
    cell: ({ row }) => <Ago time={row.original.planned} />,
  },
  {
    id: 'ends',
    header: 'Ends',
    meta: { width: '96px', num: true },
    cell: ({ row }) => <Ago time={row.original.ends} />,
  },
];

export function Actions() {
  const search = useSearch({ from: '/actions' });
  const navigate = useNavigate();
  const cache = useQueryClient();
  const may = useMay('responder');
  const state = (search.state ?? 'all') as (typeof STATES)[number][0];
  const isBlocking = search.id === 'new';
  const answer = useInfiniteQuery(
    actions({ state: state === 'all' ? undefined : state, target: isBlocking ? undefined : search.target }),
  );
  const rows = useRows(answer);
  const change = (next: Partial<typeof search>) =>
    void navigate({ to: '/actions', search: { ...search, ...next }, replace: true });
  const shown = search.id && !isBlocking ? search.id : null;
  return (
    <div className={`page page-fixed act-page${shown ? ' has-panel' : ''}`}>
      <div className="page-head">
        <h1>Actions</h1>
        <div className="scroll-x">
          <Segments
            label="State"
            value={state}
            choices={STATES}
            onChange={(next) => change({ state: next === 'all' ? undefined : next })}
          />
        </div>
        {search.target && !isBlocking ? (
          <button type="button" className="btn btn-small" onClick={() => change({ target: undefined })}>
            only {search.target} ✕
          </button>
        ) : null}
        {may ? (
          <button type="button" className="btn btn-danger end" onClick={() => change({ id: 'new' })}>
            Block…
          </button>
        ) : null}
      </div>
      <div className="act-body">
        <PagedTable
          answer={answer}
          label="Actions"
          main
          rows={rows}
          columns={shown ? columns.slice(0, 4) : columns}
          id={(action) => action.id}
          narrow={(action) => (
            <div className="inc-card">
              <span className="ev-what">
                <ActionState action={action} />
                <span className="mono cut">{whatOf(action)}</span>
              </span>
              <span className="ev-what quiet">
                <span className="cut">{reasonOf(action)}</span>
                <span className="ev-ago faint">
                  <Ago time={action.changed} />
                </span>
              </span>
            </div>
          )}
          onOpen={(action) => change({ id: action.id })}
          empty={
            <Empty title={state === 'all' ? 'Nothing was done yet' : 'None in this state'}>
              {state === 'all'
                ? 'Playbooks and people decide what is done; it is told here with its proof.'
                : undefined}
            </Empty>
          }
        />
        {shown ? <ActionPanel id={shown} onClose={() => change({ id: undefined })} /> : null}
      </div>
      {isBlocking ? (
        <BlockDialog
          target={search.target ?? ''}
          onClose={() => change({ id: undefined, target: undefined })}
          onDone={(action) => {
            void cache.invalidateQueries({ queryKey: ['actions'] });
            change({ id: action, target: undefined });
          }}
        />
      ) : null}
    </div>
  );
}
