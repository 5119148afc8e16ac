// What happens now and how Ratel itself fares, on one screen.
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { overview } from '@/api/queries';
import { SEVERITIES, type Overview as Data } from '@/api/types';
import { exact, percent, plural } from '@/lib/numbers';
import { Bars } from '@/parts/bars';
import { Segments } from '@/parts/segments';
import { SeverityMark } from '@/parts/severity';
import { Spark } from '@/parts/spark';
import { Ask } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { AlertFeed } from './feed';
import { AlertRate, EVE_SEVERITIES, Traffic } from './rates';
import './overview.css';

const RANGES = [
  ['15m', '15 min'],
  ['1h', '1 h'],
  ['24h', '24 h'],
  ['7d', '7 d'],
] as const;

export function Overview() {
  const search = useSearch({ from: '/overview' });
  const navigate = useNavigate();
  const since = search.since ?? '1h';
  const answer = useQuery(overview(since));
  return (
    <div className="page">
      <div className="page-head">
        <h1>Overview</h1>
        <div className="end">
          <Segments
            label="Time"
            value={since as (typeof RANGES)[number][0]}
            choices={RANGES}
            onChange={(next) => void navigate({ to: '/overview', search: { since: next }, replace: true })}
          />
        </div>
      </div>
      <Ask of={answer}>{(data) => <Body data={data} since={since} />}</Ask>
    </div>
  );
}

function Body({ data, since }: { data: Data; since: string }) {
  return (
    <>
      {data.missing.length ? (
        <p className="note-warn" role="status">
          Not told: {data.missing.join('; ')}.
        </p>
      ) : null}
      <OpenIncidents data={data} />
      <div className="ov-rates">
        <AlertRate data={data} since={since} />
        <Traffic data={data} />
      </div>
      <div className="ov-mid">
        <AlertFeed />
        <SeverityShapes data={data} />
        <Sensor data={data} />
      </div>
      <div className="ov-tops">
        <Top title="Sources" items={data.top.sources} field="src_ip" />
        <Top
          title="Signatures"
          items={data.top.signatures.map((each) => ({ value: each.signature, count: each.count }))}
          field="alert.signature"
          wide
        />
        <Top title="Destinations" items={data.top.destinations} field="dest_ip" />
        {data.top.countries.length ? (
          <Top title="Countries" items={data.top.countries} name={country} />
        ) : null}
        <Top title="Protocols" items={data.top.protocols} field="app_proto" />
      </div>
    </>
  );
}

/** Open incidents as one bar, the worst first; each part leads to its incidents. */
function OpenIncidents({ data }: { data: Data }) {
  const counts = SEVERITIES.map(
    (severity) => [severity, data.incidents.open_by_severity[severity] ?? 0] as const,
  );
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return (
    <section className="panel ov-open" aria-label="Open incidents">
      <Link to="/incidents" search={{ status: 'open' }} className="ov-total">
        <b>{exact(total)}</b>
        <span>open {total === 1 ? 'incident' : 'incidents'}</span>
      </Link>
      <div className="ov-stack" aria-hidden="true">
        {counts.map(([severity, count]) =>
          count ? <i key={severity} className={`fill-${severity}`} style={{ flexGrow: count }} /> : null,
        )}
        {total === 0 ? <i className="ov-none" /> : null}
      </div>
      <ul className="ov-severities">
        {counts.map(([severity, count]) => (
          <li key={severity}>
            <Link to="/incidents" search={{ status: 'open', severity }} className={count ? '' : 'is-none'}>
              <SeverityMark severity={severity} />
              <b>{exact(count)}</b>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

const COUNTRIES = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });

/** The name of a country by its ISO 3166 code; the code itself where it is none. */
function country(code: string): string {
  try {
    return COUNTRIES.of(code) ?? code;
  } catch {
    return code;
  }
}

function SeverityShapes({ data }: { data: Data }) {
  const rows = EVE_SEVERITIES.map(([eve, severity]) => {
    const values = data.alerts.map((bucket) => bucket.by_severity[eve] ?? 0);
    return { severity, values, total: values.reduce((sum, n) => sum + n, 0) };
  });
  return (
    <section className="panel">
      <header>
        <h2 title="Each on its own scale">Alerts by severity</h2>
      </header>
      <ul className="body ov-sparks">
        {rows.map(({ severity, values, total }) => (
          <li key={severity}>
            <SeverityMark severity={severity} />
            <Spark values={values} colour={`--${severity}`} label={`${plural(total, 'alert')} over time`} />
            <b className="num">{exact(total)}</b>
          </li>
        ))}
      </ul>
    </section>
  );
}

const ROLE_TONE = {
  running: 'good',
  starting: 'warn',
  degraded: 'warn',
  failed: 'bad',
  stopped: 'bad',
} as const;

/** Whether every role does its work, and the loss budget. */
function Sensor({ data }: { data: Data }) {
  const { packets, dropped, by_stage } = data.drops;
  const stages = Object.entries(by_stage).filter(([, count]) => count > 0);
  return (
    <section className="panel">
      <header>
        <h2>Ratel itself</h2>
        <span className="end">
          <Link to="/health">Health</Link>
        </span>
      </header>
      <div className="body ov-self">
        <ul>
          {data.roles.map((role) => (
            <li key={role.role}>
              <i className={`dot dot-${ROLE_TONE[role.state] ?? 'warn'}`} />
              <span>{role.role}</span>
              <span className="faint cut" title={role.detail}>
                {role.state === 'running' ? '' : (role.detail ?? role.state)}
              </span>
            </li>
          ))}
        </ul>
        <div className="ov-loss">
          <b className={dropped > (packets + dropped) / 1000 ? 'is-loss' : dropped ? 'is-some' : ''}>
            {percent(dropped, packets + dropped)}
          </b>
          <span className="quiet">
            of {plural(packets + dropped, 'packet')} lost
            {stages.length
              ? `: ${stages.map(([stage, count]) => `${exact(count)} ${stage}`).join(', ')}`
              : ''}
          </span>
        </div>
        <div className="row">
          {Object.entries(data.actions)
            .filter(([, count]) => count > 0)
            .map(([state, count]) => (
              <Link key={state} to="/actions" search={{ state }}>
                <Tag tone={state === 'effective' ? 'good' : state === 'ineffective' ? 'bad' : 'plain'}>
                  {exact(count)} {state.replace(/_/g, ' ')}
                </Tag>
              </Link>
            ))}
        </div>
      </div>
    </section>
  );
}

function Top({
  title,
  items,
  field,
  wide = false,
  name,
  none = 'None in this time',
}: {
  title: string;
  items: Data['top']['sources'];
  field?: string;
  wide?: boolean;
  name?: (value: string) => string;
  none?: string;
}) {
  return (
    <section className={`panel${wide ? ' ov-wide' : ''}`}>
      <header>
        <h2>{title}</h2>
      </header>
      <div className="body">
        {items.length ? (
          <Bars items={items} field={field} name={name} limit={7} />
        ) : (
          <p className="faint ov-nothing">{none}</p>
        )}
      </div>
    </section>
  );
}
