// One incident: what is known, how it went, who, by which rules, what was done; and the triage.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '@/api/client';
import { incident as ask, incidentEvents, incidentSteps } from '@/api/queries';
import { useMay, useSession } from '@/api/session';
import type { Incident, IncidentFull, Party, Status } from '@/api/types';
import { exact, plural } from '@/lib/numbers';
import { parseTime, duration } from '@/lib/time';
import { EventTable } from '@/parts/event-table';
import { Value } from '@/parts/pivot';
import { SeverityMark } from '@/parts/severity';
import { Ask, Empty } from '@/parts/states';
import { SilenceDialog } from '@/parts/silence';
import { Tag } from '@/parts/tag';
import { Ago, At } from '@/parts/time';
import { complain, say } from '@/parts/toast';
import { useKeys } from '@/shell/keys';
import { CloseDialog } from './close';
import { ActionsTaken } from './actions-taken';
import { STATUS_TONE } from './list';
import { Notes } from './notes';
import { Told } from './told';
import { AttackTimeline } from './timeline';
import './incidents.css';

/** Room is short beside the facts: nearly all of them are alerts. */
const NAMES = ['time', 'src', 'dest', 'summary'];

type Loaded = IncidentFull & { etag: string };

export function IncidentDetail() {
  const { id } = useParams({ from: '/incidents/$id' });
  const answer = useQuery(ask(id));
  return (
    <div className="page">
      <Ask of={answer}>{(record) => <Body record={record} />}</Ask>
    </div>
  );
}

/** Triage goes out with the version that was seen; where somebody was faster, the page shows what they did. */
function useTriage(record: Loaded) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (change: { status?: Status; owner?: string; why?: string }) =>
      call('PATCH', `incidents/${record.incident.id}`, {
        body: change,
        headers: { 'If-Match': record.etag },
      }),
    onError: complain,
    onSettled: () =>
      Promise.all([
        cache.invalidateQueries({ queryKey: ['incident', record.incident.id] }),
        cache.invalidateQueries({ queryKey: ['incidents'] }),
        cache.invalidateQueries({ queryKey: ['overview'] }),
      ]),
  });
}

function Body({ record }: { record: Loaded }) {
  const { incident } = record;
  const navigate = useNavigate();
  const session = useSession();
  const may = useMay('analyst');
  const mayTune = useMay('admin');
  const me = session.state === 'in' ? session.user.name : '';
  const triage = useTriage(record);
  const [dialog, setDialog] = useState<'close' | 'silence' | null>(null);
  const steps = useQuery(incidentSteps(incident.id));
  const isMine = record.owner === me;
  const isClosed = record.status === 'closed';
  const own = () =>
    triage.mutate(isMine ? { owner: '' } : { owner: me, status: isClosed ? undefined : 'acknowledged' });
  useKeys({
    u: () => void navigate({ to: '/incidents' }),
    ...(may
      ? {
          o: own,
          s: () => setDialog('silence'),
          c: () => (isClosed ? undefined : setDialog('close')),
          n: () => document.getElementById('note')?.focus(),
        }
      : {}),
  });
  const topSid = /^\d+:(\d+)$/.exec(incident.signatures[0]?.id ?? '')?.[1];
  return (
    <>
      <div className="inc-head">
        <p className="inc-crumb">
          <Link to="/incidents">Incidents</Link>
          <span className="mono faint">{incident.id}</span>
        </p>
        <h1>{incident.title}</h1>
        <div className="row inc-line">
          <SeverityMark severity={incident.severity} />
          <Tag tone={STATUS_TONE[record.status]}>{record.status}</Tag>
          {incident.kind !== 'attack' ? <Tag>{incident.kind}</Tag> : null}
          <span className="quiet">
            {record.owner ? (
              <>
                owned by <b>{record.owner}</b>
              </>
            ) : (
              'owned by nobody'
            )}
          </span>
          {record.closed_why ? <span className="quiet">closed: {record.closed_why}</span> : null}
        </div>
        {may ? (
          <div className="row inc-verbs">
            <button
              type="button"
              className={`btn${isMine ? '' : ' btn-primary'}`}
              onClick={own}
              disabled={triage.isPending}
            >
              {isMine ? 'Give it up' : 'Own it'}
            </button>
            {isClosed ? (
              <button
                type="button"
                className="btn"
                disabled={triage.isPending}
                onClick={() => triage.mutate({ status: 'open' })}
              >
                Open again
              </button>
            ) : (
              <button type="button" className="btn" onClick={() => setDialog('close')}>
                Close…
              </button>
            )}
            <button type="button" className="btn" onClick={() => setDialog('silence')}>
              Silence…
            </button>
            {mayTune && topSid ? (
              <Link className="btn" to="/rules" search={{ sid: topSid }}>
                Tune the rule…
              </Link>
            ) : null}
            <Link
              className="btn"
              to="/hunt"
              search={{
                q: incident.query,
                since: new Date(parseTime(incident.first) - 60_000).toISOString(),
              }}
            >
              Hunt
            </Link>
          </div>
        ) : null}
      </div>

      <section className="panel">
        <header>
          <h2>How it went</h2>
        </header>
        <div className="body">
          <Ask
            of={steps}
            empty={(list) =>
              list.length + incident.tactics.length ? null : <Empty title="Nothing to draw yet" />
            }
          >
            {(list) => <AttackTimeline incident={incident} steps={list} />}
          </Ask>
        </div>
      </section>

      <div className="inc-columns">
        <div className="inc-main">
          <Signatures incident={incident} />
          <section className="panel">
            <header>
              <h2>Events</h2>
              <span className="end">{plural(incident.events, 'event')}</span>
            </header>
            <div className="inc-events">
              <Events id={incident.id} total={incident.events} />
            </div>
          </section>
        </div>
        <div className="inc-side">
          <Facts incident={incident} />
          <Parties title="From" field="src_ip" list={incident.attackers} />
          <Parties title="To" field="dest_ip" list={incident.victims} />
          <ActionsTaken ids={incident.actions} />
          {steps.data ? <Told steps={steps.data} /> : null}
          <Notes id={incident.id} notes={record.notes} may={may} />
        </div>
      </div>
      {dialog === 'silence' ? (
        <SilenceDialog query={silenceQuery(incident)} onClose={() => setDialog(null)} />
      ) : null}
      {dialog === 'close' ? (
        <CloseDialog
          onClose={() => setDialog(null)}
          onSubmit={(why) => {
            setDialog(null);
            triage.mutate({ status: 'closed', why }, { onSuccess: () => say('Closed.') });
          }}
        />
      ) : null}
    </>
  );
}

/** What is most likely meant: this rule from this source. */
export function silenceQuery(incident: Incident): string {
  const sid = /^\d+:(\d+)$/.exec(incident.signatures[0]?.id ?? '')?.[1];
  const parts = [];
  if (sid) parts.push(`alert.signature_id:${sid}`);
  const [attacker] = incident.attackers;
  if (attacker)
    parts.push(`src_ip:${attacker.address.includes(':') ? `"${attacker.address}"` : attacker.address}`);
  return parts.join(' AND ') || incident.query;
}

function Facts({ incident }: { incident: Incident }) {
  const secs = (parseTime(incident.last) - parseTime(incident.first)) / 1000;
  return (
    <section className="panel">
      <header>
        <h2>Facts</h2>
      </header>
      <div className="body">
        <dl className="facts">
          <dt>First event</dt>
          <dd>
            <At time={incident.first} />
          </dd>
          <dt>Last event</dt>
          <dd>
            <At time={incident.last} />{' '}
            <span className="faint">
              (<Ago time={incident.last} />)
            </span>
          </dd>
          <dt>Lasts</dt>
          <dd>{secs > 0 ? duration(secs) : 'one moment'}</dd>
          <dt>Events</dt>
          <dd>{exact(incident.events)}</dd>
          <dt>Sensors</dt>
          <dd>{incident.sensors.join(', ') || '–'}</dd>
          {incident.tactics.length ? (
            <>
              <dt>Techniques</dt>
              <dd>
                {incident.tactics
                  .flatMap((tactic) => tactic.techniques)
                  .map((technique) => (
                    <span key={technique.id} className="inc-technique">
                      <span className="mono">{technique.id}</span> {technique.name}
                    </span>
                  ))}
              </dd>
            </>
          ) : null}
        </dl>
      </div>
    </section>
  );
}

function Parties({ title, field, list }: { title: string; field: string; list: Party[] }) {
  const most = Math.max(1, ...list.map((party) => party.events));
  return (
    <section className="panel">
      <header>
        <h2>{title}</h2>
        <span className="end">{plural(list.length, 'address', 'addresses')}</span>
      </header>
      <ol className="body bars">
        {list.slice(0, 12).map((party) => (
          <li key={party.address}>
            <span className="bar" style={{ width: `${(100 * party.events) / most}%` }} />
            <Value field={field} value={party.address} />
            {party.asset ? <span className="quiet cut">{party.asset}</span> : null}
            <span className="num">{exact(party.events)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Signatures({ incident }: { incident: Incident }) {
  return (
    <section className="panel">
      <header>
        <h2>Rules that fired</h2>
      </header>
      <div className="scroll-x">
        <table className="plain-table is-fit">
          <thead>
            <tr>
              <th>Severity</th>
              <th>Rule</th>
              <th className="num">Events</th>
              <th className="num wide-only">Last</th>
            </tr>
          </thead>
          <tbody>
            {incident.signatures.map((signature) => (
              <tr key={signature.id}>
                <td>
                  <SeverityMark severity={signature.severity} />
                </td>
                <td>
                  <Value field="alert.signature" value={signature.text} />
                  <span className="mono faint inc-sid">{signature.id}</span>
                </td>
                <td className="num">{exact(signature.events)}</td>
                <td className="num wide-only">
                  <Ago time={signature.last} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Events({ id, total }: { id: string; total: number }) {
  const answer = useInfiniteQuery(incidentEvents(id));
  return <EventTable answer={answer} total={total} label="Events of the incident" names={NAMES} />;
}
