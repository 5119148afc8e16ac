// The rules in force: their state and why, how often they fire, what was changed about them.
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ColumnDef } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { post } from '@/api/client';
import { rules } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Rule, RuleCost, RuleState } from '@/api/types';
import { exact, percent, plural, short } from '@/lib/numbers';
import { PagedTable, useRows } from '@/parts/paged-table';
import { Segments } from '@/parts/segments';
import { Empty } from '@/parts/states';
import { Tag, type Tone } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { complain, say } from '@/parts/toast';
import { RulePanel } from './panel';
import { RuleTestDialog } from './test-dialog';
import './rules.css';

export const RULE_TONE: Record<RuleState, Tone> = {
  loaded: 'good',
  degraded: 'warn',
  refused: 'bad',
  disabled: 'plain',
};
const ORDER: RuleState[] = ['loaded', 'degraded', 'refused', 'disabled'];

/** Nanoseconds as people read them. */
export function took(nanos: number): string {
  if (nanos < 1000) return `${Math.round(nanos)} ns`;
  if (nanos < 1e6) return `${(nanos / 1e3).toFixed(1)} µs`;
  if (nanos < 1e9) return `${(nanos / 1e6).toFixed(1)} ms`;
  return `${(nanos / 1e9).toFixed(1)} s`;
}

/** What one look at a rule costs; nothing where none was timed. */
export const each = (cost: RuleCost): string =>
  cost.checks && cost.nanos ? took(cost.nanos / cost.checks) : '–';

const base: ColumnDef<Rule>[] = [
  {
    id: 'sid',
    header: 'Rule',
    meta: { width: '88px' },
    cell: ({ row }) => <span className="mono">{row.original.sid ?? '–'}</span>,
  },
  {
    id: 'msg',
    header: 'What it says',
    meta: { width: 'minmax(220px, 3fr)' },
    cell: ({ row }) => row.original.msg || <span className="mono faint">{row.original.text}</span>,
  },
  {
    id: 'state',
    header: 'State',
    meta: { width: '92px' },
    cell: ({ row }) => <Tag tone={RULE_TONE[row.original.state]}>{row.original.state}</Tag>,
  },
  {
    id: 'reasons',
    header: 'Why',
    meta: { width: 'minmax(110px, 1.6fr)' },
    cell: ({ row }) => {
      const { reasons, overlay } = row.original;
      const why = reasons.join('; ') || (overlay ? `${overlay.reason} (${overlay.owner})` : '');
      return (
        <span className="quiet" title={why}>
          {why}
        </span>
      );
    },
  },
  {
    id: 'hits',
    header: 'Alerts, 7 d',
    meta: { width: '92px', num: true },
    cell: ({ row }) =>
      row.original.hits ? <b>{exact(row.original.hits)}</b> : <span className="faint">0</span>,
  },
  {
    id: 'last',
    header: 'Last',
    meta: { width: '92px', num: true },
    cell: ({ row }) => <Ago time={row.original.last_hit} />,
  },
];
/** What rules cost, beside what all cost together: the bar is the share. */
const costColumns = (all: RuleCost): ColumnDef<Rule>[] => [
  {
    id: 'checks',
    header: 'Checks',
    meta: { width: '84px', num: true },
    cell: ({ row }) => {
      const checks = row.original.cost?.checks ?? 0;
      return <span className={checks ? 'quiet' : 'faint'}>{short(checks)}</span>;
    },
  },
  {
    id: 'each',
    header: 'A check',
    meta: { width: '80px', num: true },
    cell: ({ row }) => <span className="quiet">{row.original.cost ? each(row.original.cost) : '–'}</span>,
  },
  {
    id: 'cost',
    header: 'Cost',
    meta: { width: '120px', num: true },
    cell: ({ row }) => <CostShare cost={row.original.cost} all={all} />,
  },
];

function CostShare({ cost, all }: { cost: RuleCost | null | undefined; all: RuleCost }) {
  if (!cost?.nanos) return <span className="faint">–</span>;
  return (
    <span className="rules-share" title={`${took(cost.nanos)} since the sensor started`}>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect width={all.nanos ? Math.max(1, (100 * cost.nanos) / all.nanos) : 0} height="6" rx="1" />
      </svg>
      <span>{percent(cost.nanos, all.nanos)}</span>
    </span>
  );
}

export function Rules() {
  const search = useSearch({ from: '/rules' });
  const navigate = useNavigate();
  const cache = useQueryClient();
  const mayTest = useMay('analyst');
  const mayReload = useMay('admin');
  const [typed, setTyped] = useState(search.q ?? '');
  const [testing, setTesting] = useState(false);
  const [order, setOrder] = useState<'hits' | 'cost' | 'sid'>('hits');
  const state = (search.state ?? 'all') as RuleState | 'all';
  const answer = useInfiniteQuery(rules({ q: search.q, state: state === 'all' ? undefined : state, order }));
  const rows = useRows(answer);
  const first = answer.data?.pages[0];
  // Beside one rule there is room for less of the others.
  const isBeside = Boolean(search.sid);
  const all = first?.cost;
  const columns = useMemo(() => {
    if (isBeside) return base.filter((column) => ['sid', 'msg', 'state', 'hits'].includes(column.id ?? ''));
    return all ? [...base, ...costColumns(all)] : base;
  }, [all, isBeside]);
  const change = (next: Partial<typeof search>) =>
    void navigate({ to: '/rules', search: { ...search, ...next }, replace: true });
  const reload = useMutation({
    mutationFn: () => post<{ note?: string }>('rules/reload'),
    onSuccess: (done) => {
      say(done?.note || 'The rules are read again.');
      void cache.invalidateQueries({ queryKey: ['rules'] });
    },
    onError: complain,
  });
  const total = first ? ORDER.reduce((sum, each) => sum + (first.by_state?.[each] ?? 0), 0) : 0;
  const choices = [
    ['all', `All ${first ? exact(total) : ''}`],
    ...ORDER.map(
      (each) =>
        [
          each,
          `${each[0]?.toUpperCase()}${each.slice(1)} ${first ? exact(first.by_state?.[each] ?? 0) : ''}`,
        ] as const,
    ),
  ] as const satisfies readonly (readonly [RuleState | 'all', string])[];
  return (
    <div className={`page page-fixed act-page${search.sid ? ' has-panel' : ''}`}>
      <div className="page-head">
        <h1>Rules</h1>
        <div className="scroll-x">
          <Segments
            label="State"
            value={state}
            choices={choices}
            onChange={(next) => change({ state: next === 'all' ? undefined : next })}
          />
        </div>
        <div className="row end">
          <Segments
            label="Order"
            value={order}
            choices={[
              ['hits', 'By alerts'],
              ['cost', 'By cost'],
              ['sid', 'By number'],
            ]}
            onChange={setOrder}
          />
          {mayTest ? (
            <button type="button" className="btn" onClick={() => setTesting(true)}>
              Test…
            </button>
          ) : null}
          {mayReload ? (
            <button type="button" className="btn" disabled={reload.isPending} onClick={() => reload.mutate()}>
              {reload.isPending ? 'Reading…' : 'Read again'}
            </button>
          ) : null}
        </div>
      </div>
      <form
        role="search"
        className="rules-search"
        onSubmit={(event) => {
          event.preventDefault();
          change({ q: typed || undefined });
        }}
      >
        <input
          data-search
          type="search"
          className="input"
          aria-label="Search rules"
          placeholder="Words of what it says, its class or file; or its number"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            if (!event.target.value) change({ q: undefined });
          }}
        />
        {first ? (
          <span className="faint">
            {plural(first.total, 'rule')}
            {all?.checks
              ? `; ${short(all.checks)} checks took ${took(all.nanos)} since the sensor started`
              : ''}
          </span>
        ) : null}
      </form>
      <div className="act-body">
        <PagedTable
          answer={answer}
          label="Rules"
          main
          rows={rows}
          total={first?.total}
          columns={columns}
          rowHeight={30}
          id={(rule) => `${rule.gid}:${rule.sid ?? `${rule.file}:${rule.line}`}`}
          narrow={(rule) => (
            <div className="inc-card">
              <span className="cut">{rule.msg || rule.text}</span>
              <span className="ev-what">
                <span className="mono quiet">{rule.sid}</span>
                <Tag tone={RULE_TONE[rule.state]}>{rule.state}</Tag>
                <span className="ev-ago faint">
                  {plural(rule.hits ?? 0, 'alert')}
                  {all && rule.cost?.nanos ? `, ${percent(rule.cost.nanos, all.nanos)} of the cost` : ''}
                </span>
              </span>
            </div>
          )}
          onOpen={(rule) => rule.sid !== null && change({ sid: String(rule.sid) })}
          empty={<Empty title="No rule fits" />}
        />
        {search.sid ? (
          <RulePanel key={search.sid} sid={Number(search.sid)} onClose={() => change({ sid: undefined })} />
        ) : null}
      </div>
      {testing ? <RuleTestDialog onClose={() => setTesting(false)} /> : null}
    </div>
  );
}
