// One action: why it was taken, what proves it, how long it took, how it is undone.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { order } from '@/api/client';
import { action as ask } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Action, Ordered } from '@/api/types';
import { exact, plural } from '@/lib/numbers';
import { duration, parseTime } from '@/lib/time';
import { ActionState, isInForce, targetOf, whatOf } from '@/parts/action';
import { Value } from '@/parts/pivot';
import { SidePanel } from '@/parts/side-panel';
import { Ask } from '@/parts/states';
import { words } from '@/parts/tag';
import { Ago, At } from '@/parts/time';
import { complain, say } from '@/parts/toast';

export function ActionPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const answer = useQuery(ask(id));
  return (
    <SidePanel label={`Action ${id}`} title={id} onClose={onClose}>
      <Ask of={answer}>{(action) => <Body action={action} />}</Ask>
    </SidePanel>
  );
}

function useOrder(action: Action, verb: 'undo' | 'approve') {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => order<Ordered>('POST', `actions/${action.id}/${verb}`),
    onSuccess: (answer) => {
      for (const changed of answer?.actions ?? []) cache.setQueryData(['action', changed.id], changed);
      say(answer?.note ?? (verb === 'undo' ? 'Undone.' : 'Approved.'));
    },
    onError: complain,
    onSettled: () => {
      void cache.invalidateQueries({ queryKey: ['actions'] });
      void cache.invalidateQueries({ queryKey: ['action', action.id] });
    },
  });
}

/** How long each part took from the packet to the proof; null where a moment is not known. */
export function delays(action: Action): { name: string; ms: number }[] {
  const at = (time: string | undefined) => (time ? parseTime(time) : NaN);
  const { trigger } = action.why;
  const moments: [string, number][] = [
    ['packet', at(trigger?.packet)],
    ['on the bus', at(trigger?.published)],
    ['decided', at(action.planned)],
    ['in the firewall', at(action.executed)],
    ['proved', action.state === 'effective' ? at(action.changed) : NaN],
  ];
  const known = moments.filter(([, ms]) => !Number.isNaN(ms));
  return known.slice(1).map(([name, ms], i) => ({ name, ms: Math.max(0, ms - (known[i]?.[1] ?? ms)) }));
}

function Body({ action }: { action: Action }) {
  const may = useMay('responder');
  const undo = useOrder(action, 'undo');
  const approve = useOrder(action, 'approve');
  const { why } = action;
  const isOpen = action.state === 'awaiting_approval';
  const isUndone = action.state === 'undone';
  const parts = delays(action);
  const total = parts.reduce((sum, part) => sum + part.ms, 0);
  return (
    <div className="act-detail">
      <div>
        <p className="act-what mono">{whatOf(action)}</p>
        <div className="row">
          <ActionState action={action} />
          <span className="quiet">
            <Ago time={action.changed} />
            {isUndone && action.cause ? `, ${action.cause}` : ''}
          </span>
          {action.returned ? (
            <span className="quiet">came back {plural(action.returned, 'time')}</span>
          ) : null}
        </div>
      </div>
      {may && (isOpen || isInForce(action)) ? (
        <div className="row">
          {isOpen ? (
            <button
              type="button"
              className="btn btn-primary"
              disabled={approve.isPending}
              onClick={() => approve.mutate()}
            >
              Approve
            </button>
          ) : null}
          <button type="button" className="btn" disabled={undo.isPending} onClick={() => undo.mutate()}>
            {isOpen ? 'Decline' : undo.isPending ? 'Undoing…' : 'Undo'}
          </button>
        </div>
      ) : null}
      {action.cause && !isUndone ? (
        <p className={action.state === 'ineffective' ? 'note-bad' : 'note-warn'}>
          <span>
            {action.failure ? <b>{words(action.failure)}: </b> : null}
            {action.cause}
          </span>
        </p>
      ) : null}
      {action.evidence ? (
        <section>
          <h3>Proof</h3>
          <dl className="facts">
            <dt>Held by</dt>
            <dd className="mono">{action.evidence.held_by?.join(', ') || '–'}</dd>
            <dt>Packets stopped</dt>
            <dd>{exact(action.evidence.packets_stopped ?? 0)}</dd>
            {action.evidence.packets_arrived !== undefined && action.evidence.packets_arrived !== null ? (
              <>
                <dt>Packets seen since</dt>
                <dd>{exact(action.evidence.packets_arrived)}</dd>
              </>
            ) : null}
            <dt>Connections ended</dt>
            <dd>{exact(action.evidence.connections_ended ?? 0)}</dd>
          </dl>
        </section>
      ) : null}
      <section>
        <h3>Why</h3>
        <dl className="facts">
          <dt>Reason</dt>
          <dd>{why.reason || '–'}</dd>
          {why.playbook ? (
            <>
              <dt>Playbook</dt>
              <dd>{why.playbook}</dd>
            </>
          ) : null}
          {why.feed ? (
            <>
              <dt>Feed</dt>
              <dd>{why.feed}</dd>
            </>
          ) : null}
          {why.person ? (
            <>
              <dt>Ordered by</dt>
              <dd>{why.person}</dd>
            </>
          ) : null}
          {targetOf(action) ? (
            <>
              <dt>Target</dt>
              <dd>
                <Value field="src_ip" value={targetOf(action).replace(/\/(32|128)$/, '')} />
              </dd>
            </>
          ) : null}
          {why.event ? (
            <>
              <dt>Event</dt>
              <dd>
                <Link to="/events/$id" params={{ id: why.event }}>
                  that decided
                </Link>
              </dd>
            </>
          ) : null}
          {why.incident ? (
            <>
              <dt>Incident</dt>
              <dd>
                <Link to="/incidents/$id" params={{ id: why.incident }} className="mono">
                  {why.incident}
                </Link>
              </dd>
            </>
          ) : null}
        </dl>
      </section>
      {parts.length > 1 ? (
        <section>
          <h3>From packet to proof: {duration(total / 1000)}</h3>
          <ol className="act-delays">
            {parts.map((part) => (
              <li key={part.name}>
                <i style={{ width: `${total ? Math.max(1, (100 * part.ms) / total) : 0}%` }} />
                <span>{part.name}</span>
                <b>{part.ms < 1 ? '< 1 ms' : `${exact(part.ms)} ms`}</b>
              </li>
            ))}
          </ol>
        </section>
      ) : null}
      <section>
        <h3>When</h3>
        <dl className="facts">
          <dt>Planned</dt>
          <dd>
            <At time={action.planned} />
          </dd>
          {action.executed ? (
            <>
              <dt>In the firewall</dt>
              <dd>
                <At time={action.executed} />
              </dd>
            </>
          ) : null}
          <dt>Ends</dt>
          <dd>
            <At time={action.ends} />{' '}
            <span className="faint">
              (<Ago time={action.ends} />)
            </span>
          </dd>
        </dl>
      </section>
      {action.undo?.takes?.length ? (
        <section>
          <h3>Undoing takes out of {action.undo.firewall}</h3>
          <ul className="mono act-undo">
            {action.undo.takes.map((each) => (
              <li key={each}>{each}</li>
            ))}
            {action.undo.keeps?.map((each) => (
              <li key={each} className="faint">
                stays: {each}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
    </div>
  );
}
