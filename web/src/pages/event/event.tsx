// One event: why the rule matched, on which bytes, in which flow and transaction, and the record itself.
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { download } from '@/api/client';
import { event as ask, eventContext } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Context, Eve, Hit } from '@/api/types';
import { at, decodeBase64, end, matchesOf, severityOf, summary, text } from '@/lib/eve';
import { quoted } from '@/lib/query';
import { parseTime } from '@/lib/time';
import { Icon } from '@/parts/icons';
import { JsonTree } from '@/parts/json';
import { Value } from '@/parts/pivot';
import { RuleText } from '@/parts/rule-text';
import { SeverityMark } from '@/parts/severity';
import { SilenceDialog } from '@/parts/silence';
import { Ask } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago, At } from '@/parts/time';
import { complain } from '@/parts/toast';
import { Hexdump } from './hexdump';
import { findingOf, ModelFinding } from './model';
import { FlowFacts, Transactions } from './transactions';
import './event.css';

export function EventPage() {
  const { id } = useParams({ from: '/events/$id' });
  const answer = useQuery(ask(id));
  return (
    <div className="page">
      <Ask of={answer}>{(hit) => <Body key={hit.id} hit={hit} />}</Ask>
    </div>
  );
}

function Body({ hit }: { hit: Hit }) {
  const { event } = hit;
  const context = useQuery(eventContext(hit.id));
  const severity = severityOf(event);
  const type = text(event, 'event_type');
  return (
    <>
      <Head hit={hit} />
      <div className="inc-columns">
        <div className="inc-main">
          {findingOf(event) ? (
            <ModelFinding event={event} />
          ) : (
            <>
              <Matched event={event} isAlert={severity !== null} />
              {severity ? <Rule event={event} context={context.data} /> : null}
            </>
          )}
          <Transactions hit={hit} context={context.data} />
          <section className="panel">
            <header>
              <h2>The record</h2>
              <span className="end">click a value to go on from it</span>
            </header>
            <div className="body">
              <JsonTree value={event} />
            </div>
          </section>
        </div>
        <div className="inc-side">
          <Related context={context.data} />
          <FlowFacts event={event} context={context.data} />
          <AlertFacts event={event} />
          {context.data?.alerts.length ? <OtherAlerts alerts={context.data.alerts} id={hit.id} /> : null}
          {type !== 'alert' || context.data ? null : <p className="faint">Looking for what belongs to it…</p>}
        </div>
      </div>
    </>
  );
}

function Head({ hit }: { hit: Hit }) {
  const { event } = hit;
  const severity = severityOf(event);
  const may = useMay('analyst');
  const [silence, setSilence] = useState(false);
  const [busy, setBusy] = useState(false);
  const flow = at(event, 'flow_id');
  const sid = at(event, 'alert.signature_id');
  return (
    <div className="inc-head">
      <p className="inc-crumb">
        <Link to="/hunt">Events</Link>
        <span className="mono faint cut">{hit.id}</span>
      </p>
      <h1>{summary(event) || text(event, 'event_type')}</h1>
      <div className="row inc-line">
        {severity ? <SeverityMark severity={severity} /> : null}
        <Tag>{text(event, 'event_type')}</Tag>
        {text(event, 'alert.action') === 'blocked' ? <Tag tone="good">blocked</Tag> : null}
        <span className="mono">
          <Value field="src_ip" value={text(event, 'src_ip')} show={end(event, 'src')} />
          <span className="faint"> → </span>
          <Value field="dest_ip" value={text(event, 'dest_ip')} show={end(event, 'dest')} />
        </span>
        <span className="quiet">
          {[text(event, 'proto'), text(event, 'app_proto')].filter(Boolean).join(' / ')}
        </span>
        <span className="quiet">
          <At time={hit.time} /> (<Ago time={hit.time} />)
        </span>
      </div>
      <div className="row inc-verbs">
        {flow !== undefined ? (
          <Link
            className="btn"
            to="/hunt"
            search={{
              q: `flow_id:${String(flow)}`,
              since: new Date(parseTime(hit.time) - 86_400_000).toISOString(),
            }}
          >
            All of this flow
          </Link>
        ) : null}
        {may && sid !== undefined ? (
          <button type="button" className="btn" onClick={() => setSilence(true)}>
            Silence…
          </button>
        ) : null}
        <button
          type="button"
          className="btn"
          disabled={busy}
          onClick={() => {
            setBusy(true);
            download(`events/${encodeURIComponent(hit.id)}/pcap`, `${hit.id}.pcap`)
              .catch(complain)
              .finally(() => setBusy(false));
          }}
        >
          <Icon name="download" size={14} /> pcap
        </button>
      </div>
      {silence ? (
        <SilenceDialog
          query={`alert.signature_id:${String(sid)} AND src_ip:${quoted(text(event, 'src_ip'))}`}
          onClose={() => setSilence(false)}
        />
      ) : null}
    </div>
  );
}

/** The bytes that made the rule match; where they were not kept, the payload as it came. */
function Matched({ event, isAlert }: { event: Eve; isAlert: boolean }) {
  const matches = useMemo(() => {
    const found = matchesOf(event);
    if (found.length) return found;
    const payload = decodeBase64(text(event, 'payload') || text(event, 'packet'));
    if (!payload?.length) return [];
    const buffer = at(event, 'payload') ? 'payload' : 'packet';
    return [{ buffer, direction: '', bytes: payload, offset: 0, length: payload.length, spans: [] }];
  }, [event]);
  if (matches.length === 0)
    return isAlert ? (
      <section className="panel">
        <header>
          <h2>What matched</h2>
        </header>
        <p className="body faint">
          This rule looks at addresses, ports, flags or counts: there are no bytes of it to show.
        </p>
      </section>
    ) : null;
  const any = matches.some((match) => match.spans.length);
  return (
    <section className="panel">
      <header>
        <h2>{any ? 'What matched' : 'Payload'}</h2>
        <span className="end">{any ? 'the marked bytes made the rule match' : null}</span>
      </header>
      <div className="body ev-hex">
        {matches.map((match, index) => (
          <Hexdump key={index} match={match} />
        ))}
      </div>
    </section>
  );
}

function Rule({ event, context }: { event: Eve; context: Context | undefined }) {
  const rule = context?.rule?.text ?? text(event, 'alert.rule');
  const sid = text(event, 'alert.signature_id');
  return (
    <section className="panel">
      <header>
        <h2>The rule</h2>
        <span className="end">
          {context?.rule?.file ? (
            <span className="mono cut" title={context.rule.file}>
              {context.rule.file.split('/').pop()}
              {context.rule.line ? `:${context.rule.line}` : ''}
            </span>
          ) : null}
          <Link to="/rules" search={{ sid }} className="ev-rule">
            Rule {sid}
          </Link>
        </span>
      </header>
      <div className="body">
        {rule ? (
          <RuleText rule={rule} />
        ) : (
          <p className="faint">{context ? 'It is no longer among the rules.' : 'Looking…'}</p>
        )}
      </div>
    </section>
  );
}

function AlertFacts({ event }: { event: Eve }) {
  const metadata = at(event, 'alert.metadata');
  const entries =
    metadata && typeof metadata === 'object' && !Array.isArray(metadata) ? Object.entries(metadata) : [];
  if (at(event, 'alert') === undefined) return null;
  return (
    <section className="panel">
      <header>
        <h2>Alert</h2>
      </header>
      <div className="body">
        <dl className="facts">
          <dt>Category</dt>
          <dd>
            <Value field="alert.category" value={text(event, 'alert.category')} />
          </dd>
          {entries.map(([key, value]) => (
            <FactRow
              key={key}
              name={key.replace(/_/g, ' ')}
              value={Array.isArray(value) ? value.join(', ') : String(value)}
            />
          ))}
        </dl>
      </div>
    </section>
  );
}

function FactRow({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value.replace(/_/g, ' ')}</dd>
    </>
  );
}

function Related({ context }: { context: Context | undefined }) {
  const incident = context?.incident?.incident;
  if (!incident) return null;
  return (
    <section className="panel">
      <header>
        <h2>Incident</h2>
      </header>
      <div className="body">
        <Link to="/incidents/$id" params={{ id: incident.id }} className="ev-incident">
          <SeverityMark severity={incident.severity} />
          <span>{incident.title}</span>
        </Link>
      </div>
    </section>
  );
}

function OtherAlerts({ alerts, id }: { alerts: Hit[]; id: string }) {
  const others = alerts.filter((alert) => alert.id !== id);
  if (others.length === 0) return null;
  return (
    <section className="panel">
      <header>
        <h2>Other alerts of the flow</h2>
      </header>
      <ul className="body ev-others">
        {others.slice(0, 12).map((alert) => (
          <li key={alert.id}>
            <SeverityMark severity={severityOf(alert.event) ?? 'informational'} short />
            <Link to="/events/$id" params={{ id: alert.id }} className="cut">
              {summary(alert.event)}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
