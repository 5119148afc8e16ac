// One rule: its text, why it is in its state, and what is changed about it, with a reason and an end.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '@/api/client';
import { rule as ask } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Limit, Rule } from '@/api/types';
import { exact } from '@/lib/numbers';
import { TextField } from '@/parts/field';
import { RuleText } from '@/parts/rule-text';
import { Segments } from '@/parts/segments';
import { SidePanel } from '@/parts/side-panel';
import { Ask } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { complain, say } from '@/parts/toast';
import { each, RULE_TONE, took } from './rules';

export function RulePanel({ sid, onClose }: { sid: number; onClose: () => void }) {
  const answer = useQuery(ask(sid));
  return (
    <SidePanel label={`Rule ${sid}`} title={String(sid)} onClose={onClose}>
      <Ask of={answer}>{(rule) => <Body rule={rule} />}</Ask>
    </SidePanel>
  );
}

export function limitText(limit: Limit): string {
  const whom = { by_src: 'source', by_dst: 'destination', by_either: 'either end' }[limit.track];
  if (limit.kind === 'suppress') return `none for ${whom} ${limit.address ?? 'any'}`;
  const every = { limit: 'at most', threshold: 'each', both: 'one from' }[limit.kind];
  return `${every} ${limit.count} in ${limit.seconds} s by ${whom}`;
}

function Body({ rule }: { rule: Rule }) {
  const may = useMay('admin');
  const { overlay } = rule;
  return (
    <div className="act-detail">
      <p className="act-what">{rule.msg}</p>
      <div className="row">
        <Tag tone={RULE_TONE[rule.state]}>{rule.state}</Tag>
        <Link to="/hunt" search={{ q: `alert.signature_id:${rule.sid}`, since: '7d' }}>
          {exact(rule.hits ?? 0)} alerts in 7 days
        </Link>
        {rule.last_hit ? (
          <span className="faint">
            last <Ago time={rule.last_hit} />
          </span>
        ) : null}
      </div>
      {rule.reasons.length ? (
        <div className={rule.state === 'refused' ? 'note-bad' : 'note-warn'}>
          <ul>
            {rule.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </div>
      ) : null}
      {overlay ? (
        <div className="note-warn">
          <span>
            <b>Changed by {overlay.owner}</b>
            {overlay.enabled ? '' : ', disabled'}
            {overlay.thresholds.map((limit) => `, ${limitText(limit)}`).join('')}: {overlay.reason}
            {overlay.expires ? (
              <>
                ; ends <Ago time={overlay.expires} />
              </>
            ) : (
              '; without an end'
            )}
          </span>
        </div>
      ) : null}
      {rule.cost ? (
        <dl className="facts">
          <dt>Checks</dt>
          <dd>
            {exact(rule.cost.checks)} <span className="faint">since the sensor started</span>
          </dd>
          <dt>Matches</dt>
          <dd>{exact(rule.cost.matches)}</dd>
          <dt>Cost</dt>
          <dd>
            {rule.cost.nanos
              ? `${took(rule.cost.nanos)}, ${each(rule.cost)} a check`
              : 'too little to be measured'}
          </dd>
        </dl>
      ) : null}
      <RuleText rule={rule.text} />
      <p className="faint mono rules-file">
        {rule.file}:{rule.line}
        {rule.classtype ? ` · ${rule.classtype}` : ''} · priority {rule.priority}
      </p>
      {may && rule.sid !== null && rule.state !== 'refused' ? <Tune rule={rule} /> : null}
    </div>
  );
}

const HOW = [
  ['disable', 'Disable'],
  ['limit', 'Limit'],
  ['suppress', 'Suppress for'],
] as const;
const ENDS = [
  ['1d', '1 day'],
  ['7d', '1 week'],
  ['30d', '30 days'],
  ['', 'No end'],
] as const;

function Tune({ rule }: { rule: Rule }) {
  const cache = useQueryClient();
  const [how, setHow] = useState<(typeof HOW)[number][0]>('disable');
  const [ends, setEnds] = useState<string>('7d');
  const [reason, setReason] = useState('');
  const [count, setCount] = useState('1');
  const [seconds, setSeconds] = useState('3600');
  const [address, setAddress] = useState('');
  const send = useMutation({
    mutationFn: (body: Record<string, unknown>) => call('PATCH', `rules/${rule.sid}`, { body }),
    onSuccess: () => {
      say('It holds from now on.');
      setReason('');
    },
    onError: complain,
    onSettled: () => {
      void cache.invalidateQueries({ queryKey: ['rules'] });
      void cache.invalidateQueries({ queryKey: ['rule', rule.sid] });
    },
  });
  function submit(): void {
    const common = { reason: reason.trim(), ...(ends ? { expires: ends } : {}) };
    if (how === 'disable') return send.mutate({ ...common, enabled: false });
    const limit: Limit =
      how === 'limit'
        ? { kind: 'limit', track: 'by_src', count: Number(count), seconds: Number(seconds) }
        : { kind: 'suppress', track: 'by_src', address: address.trim() || null };
    send.mutate({ ...common, thresholds: [...(rule.overlay?.thresholds ?? []), limit] });
  }
  const isChanged = rule.overlay && (!rule.overlay.enabled || rule.overlay.thresholds.length > 0);
  return (
    <section>
      <h3>Tune</h3>
      <form
        className="act-form rules-tune"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Segments label="How" value={how} choices={HOW} onChange={setHow} />
        {how === 'limit' ? (
          <div className="row">
            <label htmlFor="tune-count">At most</label>
            <input
              id="tune-count"
              className="input rules-number"
              type="number"
              min="1"
              required
              value={count}
              onChange={(event) => setCount(event.target.value)}
            />
            <label htmlFor="tune-secs">alerts a source in</label>
            <input
              id="tune-secs"
              className="input rules-number"
              type="number"
              min="1"
              required
              value={seconds}
              onChange={(event) => setSeconds(event.target.value)}
            />
            <span>seconds</span>
          </div>
        ) : how === 'suppress' ? (
          <TextField
            label="Source address or network"
            mono
            required
            placeholder="192.0.2.0/24"
            value={address}
            onChange={setAddress}
          />
        ) : null}
        <Segments label="Until" value={ends} choices={ENDS} onChange={setEnds} />
        <TextField label="Why" required value={reason} onChange={setReason} />
        <footer className="row">
          <button type="submit" className="btn btn-primary" disabled={send.isPending || !reason.trim()}>
            {how === 'disable' ? 'Disable' : 'Tune'}
          </button>
          {isChanged ? (
            <button
              type="button"
              className="btn"
              disabled={send.isPending}
              onClick={() =>
                send.mutate({
                  enabled: true,
                  thresholds: [],
                  reason: reason.trim() || 'As it is written again',
                })
              }
            >
              As it is written
            </button>
          ) : null}
        </footer>
      </form>
    </section>
  );
}
