// How Ratel itself fares: roles, loss, store, bus, receivers; each with a number and its shape over time.
import { useQuery } from '@tanstack/react-query';
import { series as askSeries, status as ask } from '@/api/queries';
import type { StatusReport } from '@/api/types';
import { exact, percent, short } from '@/lib/numbers';
import { duration, parseTime } from '@/lib/time';
import { Spark } from '@/parts/spark';
import { Ask } from '@/parts/states';
import { Tag, words, type Tone } from '@/parts/tag';
import { Ago, useNow } from '@/parts/time';
import { ReceiverList } from './receivers';
import { StoragePanels } from './storage';
import './health.css';

export const ROLE_TONE: Record<string, Tone> = {
  running: 'good',
  starting: 'warn',
  degraded: 'warn',
  failed: 'bad',
  stopped: 'bad',
};

export function Health() {
  const answer = useQuery(ask());
  return (
    <div className="page">
      <div className="page-head">
        <h1>Health</h1>
        {answer.data ? <Uptime report={answer.data} /> : null}
      </div>
      <Ask of={answer}>{(report) => <Body report={report} />}</Ask>
    </div>
  );
}

function Uptime({ report }: { report: StatusReport }) {
  const now = useNow();
  return (
    <span className="quiet end">
      Ratel {report.version}, up for {duration((now - parseTime(report.started)) / 1000)},{' '}
      {report.ready ? 'everything runs' : <b className="health-bad">not everything runs</b>}
    </span>
  );
}

function Body({ report }: { report: StatusReport }) {
  return (
    <>
      <section className="health-roles" aria-label="Roles">
        {report.roles.map((role) => (
          <article key={role.role} className="panel">
            <div className="row">
              <h2>{role.role}</h2>
              <Tag tone={ROLE_TONE[role.state] ?? 'plain'}>{role.state}</Tag>
            </div>
            <p className="health-detail">{role.detail || <span className="faint">nothing to say</span>}</p>
            <p className="faint">
              since <Ago time={role.since} />
              {role.restarts
                ? `, started again ${role.restarts === 1 ? 'once' : `${exact(role.restarts)} times`}`
                : ''}
            </p>
          </article>
        ))}
      </section>
      <div className="health-columns">
        <div className="inc-main">
          <Loss counters={report.counters} />
          <Counters report={report} />
        </div>
        <div className="inc-side">
          <ReceiverList />
          <StoragePanels />
          <Kinds report={report} />
          <Bouncers report={report} />
        </div>
      </div>
    </>
  );
}

/** Where packets, or records of them, can be lost. */
const STAGES: [string, string][] = [
  ['ring_drops', 'in the ring: the sensor is too slow'],
  ['invalid', 'could not be decoded'],
  ['failed', 'failed in the engine'],
  ['left_behind', 'left behind at a stop'],
  ['events_lost', 'records given up: the disk is full'],
];

/** One bar of all packets that came; what was lost is drawn so that even a little is seen. */
function Loss({ counters }: { counters: Record<string, number> }) {
  const packets = counters.ring_packets ?? counters.packets ?? 0;
  const lost = STAGES.map(([key, name]) => ({ key, name, count: counters[key] ?? 0 }));
  const total = lost.reduce((sum, each) => sum + each.count, 0);
  return (
    <section className="panel">
      <header>
        <h2>Loss budget</h2>
        <span className="end">{exact(packets)} packets since the start</span>
      </header>
      <div className="body health-loss">
        <b
          className={total > (packets + total) / 1000 ? 'health-bad' : total ? 'health-some' : 'health-good'}
        >
          {percent(total, packets + total)}
        </b>
        <ul>
          {lost.map((each) => (
            <li key={each.key} className={each.count ? '' : 'faint'}>
              <span className="num">{exact(each.count)}</span>
              <span>{each.name}</span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

/** Counters at once, as small multiples: what changes shape is seen without reading numbers. */
function Counters({ report }: { report: StatusReport }) {
  const names = Object.keys(report.counters).slice(0, 32);
  const answer = useQuery({ ...askSeries(names.join(), '1h'), enabled: names.length > 0 });
  const series = answer.data?.series ?? {};
  // The ones that move stand first; those that never did are a line of text.
  const moving = names.filter((name) => series[name]?.some((point) => point.rate > 0));
  const still = Object.keys(report.counters).filter((name) => !moving.includes(name));
  return (
    <section className="panel">
      <header>
        <h2>Counters</h2>
        <span className="end">rates in the last hour, each on its own scale</span>
      </header>
      <div className="body">
        <ul className="health-counters">
          {moving.map((name) => {
            const values = series[name]?.map((point) => point.rate) ?? [];
            const last = values[values.length - 1] ?? 0;
            return (
              <li key={name}>
                <span className="cut">{words(name)}</span>
                <b className="num">{short(last)}/s</b>
                <Spark
                  values={thin(values, 60)}
                  colour="--series-1"
                  height={26}
                  label={`${words(name)}: ${short(last)} a second`}
                />
                <span className="faint num">{exact(report.counters[name] ?? 0)} in all</span>
              </li>
            );
          })}
        </ul>
        {still.length ? (
          <details>
            <summary className="quiet">{still.length} that do not move</summary>
            <dl className="facts health-still">
              {still.map((name) => (
                <div key={name}>
                  <dt>{words(name)}</dt>
                  <dd>{exact(report.counters[name] ?? 0)}</dd>
                </div>
              ))}
            </dl>
          </details>
        ) : null}
      </div>
    </section>
  );
}

/** At most so many values, each the largest of those it stands for: peaks stay. */
export function thin(values: number[], most: number): number[] {
  if (values.length <= most) return values;
  const step = values.length / most;
  return Array.from({ length: most }, (_, i) =>
    Math.max(...values.slice(Math.floor(i * step), Math.floor((i + 1) * step))),
  );
}

function Kinds({ report }: { report: StatusReport }) {
  const kinds = Object.entries(report.events).sort((a, b) => b[1] - a[1]);
  const most = Math.max(1, ...kinds.map(([, count]) => count));
  return (
    <section className="panel">
      <header>
        <h2>Events by kind</h2>
        <span className="end">since the start</span>
      </header>
      <ol className="body bars">
        {kinds.slice(0, 14).map(([kind, count]) => (
          <li key={kind}>
            <span className="bar" style={{ width: `${(100 * count) / most}%` }} />
            <span>{kind}</span>
            <span className="num">{exact(count)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Bouncers({ report }: { report: StatusReport }) {
  if (report.bouncers.length === 0) return null;
  return (
    <section className="panel">
      <header>
        <h2>Bouncers</h2>
      </header>
      <ul className="body health-list">
        {report.bouncers.map((bouncer) => (
          <li key={bouncer.name}>
            <b>{bouncer.name}</b>
            <span className="mono faint cut">{bouncer.address}</span>
            <span className="faint">
              <Ago time={bouncer.last_pull} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
