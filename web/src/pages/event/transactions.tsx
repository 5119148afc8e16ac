// The flow of an event and what was said in it: HTTP, TLS, DNS and others, each as people read it.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Context, Eve, Hit, Json } from '@/api/types';
import { at, num, summary, text } from '@/lib/eve';
import { bytes, exact } from '@/lib/numbers';
import { duration } from '@/lib/time';
import { Value } from '@/parts/pivot';
import { At } from '@/parts/time';

/** What the protocols that people look at most are told by, in the order of reading. */
const FIELDS: Record<string, readonly (readonly [string, string])[]> = {
  http: [
    ['Method', 'http_method'],
    ['Host', 'hostname'],
    ['Path', 'url'],
    ['Status', 'status'],
    ['User agent', 'http_user_agent'],
    ['Referrer', 'http_refer'],
    ['Content type', 'http_content_type'],
    ['Protocol', 'protocol'],
    ['Length', 'length'],
  ],
  tls: [
    ['Server name', 'sni'],
    ['Version', 'version'],
    ['Subject', 'subject'],
    ['Issuer', 'issuerdn'],
    ['Serial', 'serial'],
    ['Valid from', 'notbefore'],
    ['Valid until', 'notafter'],
    ['Fingerprint', 'fingerprint'],
    ['JA3', 'ja3.hash'],
    ['JA3S', 'ja3s.hash'],
    ['JA4', 'ja4'],
  ],
  dns: [
    ['Type', 'type'],
    ['Name', 'queries.rrname'],
    ['Name', 'rrname'],
    ['Record', 'queries.rrtype'],
    ['Record', 'rrtype'],
    ['Answer', 'rcode'],
  ],
  ssh: [
    ['Client', 'client.software_version'],
    ['Server', 'server.software_version'],
    ['Client protocol', 'client.proto_version'],
    ['HASSH', 'client.hassh.hash'],
  ],
  smtp: [
    ['Helo', 'helo'],
    ['From', 'mail_from'],
    ['To', 'rcpt_to'],
  ],
  fileinfo: [
    ['Name', 'filename'],
    ['Size', 'size'],
    ['State', 'state'],
    ['Type', 'magic'],
    ['SHA-256', 'sha256'],
    ['MD5', 'md5'],
  ],
};

export function Transactions({ hit, context }: { hit: Hit; context: Context | undefined }) {
  const own = Object.keys(FIELDS).filter((name) => isObject(at(hit.event, name)));
  const others = (context?.transactions ?? []).filter((other) => other.id !== hit.id);
  if (own.length === 0 && others.length === 0) return null;
  return (
    <section className="panel">
      <header>
        <h2>What was said</h2>
      </header>
      <div className="body ev-said">
        {own.map((name) => (
          <Transaction key={name} name={name} value={at(hit.event, name)} />
        ))}
        {others.length ? (
          <ol className="ev-others">
            {others.slice(0, 30).map((other) => (
              <li key={other.id}>
                <span className="faint">
                  <At time={other.time} style="clock" />
                </span>
                <span className="ev-type">{text(other.event, 'event_type')}</span>
                <Link to="/events/$id" params={{ id: other.id }} className="cut">
                  {summary(other.event) || other.id}
                </Link>
              </li>
            ))}
          </ol>
        ) : null}
      </div>
    </section>
  );
}

const isObject = (value: Json | undefined): boolean => typeof value === 'object' && value !== null;

function Transaction({ name, value }: { name: string; value: Json | undefined }) {
  const rows = (FIELDS[name] ?? []).flatMap(([label, path]) => {
    const found = at(value, path);
    return found === undefined || found === null || found === '' ? [] : [[label, path, found] as const];
  });
  const answers = name === 'dns' ? at(value, 'answers') : undefined;
  return (
    <div>
      <h3 className="ev-proto">{name.toUpperCase()}</h3>
      <dl className="facts">
        {rows.map(([label, path, found]) => (
          <Row key={path} label={label}>
            {Array.isArray(found) ? (
              found.map(String).join(', ')
            ) : isObject(found) ? (
              JSON.stringify(found)
            ) : (
              <Value field={`${name}.${path}`} value={found as string | number | boolean} />
            )}
          </Row>
        ))}
        {Array.isArray(answers) ? (
          <Row label="Answers">
            {answers.slice(0, 20).map((answer, index) => (
              <span key={index} className="ev-answer mono">
                {text(answer, 'rrname')} {text(answer, 'rrtype')} {text(answer, 'rdata')}
              </span>
            ))}
          </Row>
        ) : null}
      </dl>
    </div>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** The flow as its own record tells it, else as far as the event knows. */
export function FlowFacts({ event, context }: { event: Eve; context: Context | undefined }) {
  const record = context?.flow?.event ?? event;
  if (!isObject(at(record, 'flow')) && at(record, 'flow_id') === undefined) return null;
  const of = (path: string) => num(record, path);
  const [there, back] = [of('flow.bytes_toserver') ?? 0, of('flow.bytes_toclient') ?? 0];
  const start = text(record, 'flow.start');
  const age = of('flow.age');
  const state = text(record, 'flow.state');
  const reason = text(record, 'flow.reason');
  const community = text(record, 'community_id');
  return (
    <section className="panel">
      <header>
        <h2>Flow</h2>
        {context?.flow ? (
          <span className="end">
            <Link to="/events/$id" params={{ id: context.flow.id }}>
              its record
            </Link>
          </span>
        ) : null}
      </header>
      <div className="body ev-flow">
        {there + back > 0 ? (
          <div
            className="ev-split"
            role="img"
            aria-label={`${bytes(there)} to the server, ${bytes(back)} to the client`}
          >
            <i style={{ flexGrow: Math.max(there, 1) }} />
            <i style={{ flexGrow: Math.max(back, 1) }} />
          </div>
        ) : null}
        <dl className="facts">
          <Row label="To the server">
            {bytes(there)}, {exact(of('flow.pkts_toserver') ?? 0)} packets
          </Row>
          <Row label="To the client">
            {bytes(back)}, {exact(of('flow.pkts_toclient') ?? 0)} packets
          </Row>
          {start ? (
            <Row label="Began">
              <At time={start} />
            </Row>
          ) : null}
          {age !== null ? <Row label="Lasted">{duration(age)}</Row> : null}
          {state ? <Row label="Ended">{[state, reason].filter(Boolean).join(', ')}</Row> : null}
          <Row label="Flow">
            <Value field="flow_id" value={at(record, 'flow_id') as number} />
          </Row>
          {community ? (
            <Row label="Community ID">
              <Value field="community_id" value={community} />
            </Row>
          ) : null}
        </dl>
      </div>
    </section>
  );
}
