// One host: whom it talks to, what it offers, under which names, and what was alerted about it.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { events, host as ask, histogram } from '@/api/queries';
import { useMay } from '@/api/session';
import type { HostDetail, Peer } from '@/api/types';
import { bytes, exact, plural } from '@/lib/numbers';
import { quoted } from '@/lib/query';
import { parseTime } from '@/lib/time';
import { Bars } from '@/parts/bars';
import { Chart } from '@/parts/chart';
import { EventTable } from '@/parts/event-table';
import { Value } from '@/parts/pivot';
import { Segments } from '@/parts/segments';
import { Ask, Empty } from '@/parts/states';
import { Ago, At } from '@/parts/time';
import { AssetName, SINCE } from './list';
import { PeerMap } from './peers';
import './hosts.css';

export function HostPage() {
  const search = useSearch({ from: '/hosts/one' });
  const ip = search.ip ?? '';
  const navigate = useNavigate();
  const since = (search.since ?? '7d') as (typeof SINCE)[number][0];
  const answer = useQuery(ask(ip, since));
  const may = useMay('responder');
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <p className="inc-crumb">
            <Link to="/hosts">Hosts</Link>
          </p>
          <h1 className="mono host-name">{ip}</h1>
        </div>
        <div className="row end">
          <Segments
            label="Seen in"
            value={since}
            choices={SINCE}
            onChange={(next) =>
              void navigate({ to: '/hosts/one', search: { ip, since: next }, replace: true })
            }
          />
          <Link className="btn" to="/hunt" search={{ q: eitherEnd(ip), since }}>
            Hunt
          </Link>
          {may ? (
            <Link className="btn btn-danger" to="/actions" search={{ id: 'new', target: ip }}>
              Block…
            </Link>
          ) : null}
        </div>
      </div>
      <Ask
        of={answer}
        empty={(host) => (host.events === 0 ? <Empty title="It was not seen in this time" /> : null)}
      >
        {(host) => <Body host={host} since={since} />}
      </Ask>
    </div>
  );
}

/** Events in which an address is one end. */
export const eitherEnd = (ip: string): string => `src_ip:${quoted(ip)} OR dest_ip:${quoted(ip)}`;

function Body({ host, since }: { host: HostDetail; since: string }) {
  const span = useMemo(() => ({ q: eitherEnd(host.address), since }), [host.address, since]);
  const answer = useInfiniteQuery(events(span));
  return (
    <>
      <section className="panel host-facts">
        <Fact name="Known as">
          <AssetName host={host} />
        </Fact>
        <Fact name="Country">{host.country ?? '–'}</Fact>
        <Fact name="Alerts">{exact(host.alerts)}</Fact>
        <Fact name="Events">{exact(host.events)}</Fact>
        <Fact name="Bytes">{bytes(host.bytes)}</Fact>
        <Fact name="First seen">
          <At time={host.first} />
        </Fact>
        <Fact name="Last seen">
          <Ago time={host.last} />
        </Fact>
      </section>
      <Activity q={span.q} since={since} />
      <div className="host-columns">
        <section className="panel">
          <header>
            <h2>Who it talked to</h2>
            <span className="end">{plural(host.peers.length, 'peer')}, the busiest first</span>
          </header>
          <div className="body">
            <PeerMap address={host.address} peers={host.peers} />
            <Peers peers={host.peers} />
          </div>
        </section>
        <div className="inc-side">
          <section className="panel">
            <header>
              <h2>Alerts by rule</h2>
            </header>
            <div className="body">
              {host.alerts_by_signature.length ? (
                <Bars
                  field="alert.signature"
                  items={host.alerts_by_signature.map((each) => ({
                    value: each.signature,
                    count: each.count,
                  }))}
                  limit={10}
                />
              ) : (
                <p className="faint">None in this time.</p>
              )}
            </div>
          </section>
          <section className="panel">
            <header>
              <h2>What it was asked for</h2>
            </header>
            <div className="body">
              {host.services.length ? (
                <ul className="host-services">
                  {host.services.slice(0, 20).map((service) => (
                    <li key={`${service.proto}${service.port}`}>
                      <span className="mono">
                        <Value field="dest_port" value={service.port} />
                        <span className="faint">/{service.proto.toLowerCase()}</span>
                      </span>
                      <span className="quiet">{service.app_proto ?? ''}</span>
                      <span className="num">{exact(service.events)}</span>
                    </li>
                  ))}
                </ul>
              ) : (
                <p className="faint">Nobody opened a connection to it.</p>
              )}
            </div>
          </section>
          <section className="panel">
            <header>
              <h2>Names</h2>
            </header>
            <div className="body">
              {host.names.length ? (
                <Bars field="tls.sni" items={host.names} limit={8} />
              ) : (
                <p className="faint">None are known.</p>
              )}
            </div>
          </section>
        </div>
      </div>
      <section className="panel">
        <header>
          <h2>Events</h2>
        </header>
        <div className="inc-events">
          <EventTable answer={answer} total={answer.data?.pages[0]?.total} label="Events of the host" main />
        </div>
      </section>
    </>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <span className="faint">{name}</span>
      <b>{children}</b>
    </div>
  );
}

function Activity({ q, since }: { q: string; since: string }) {
  const all = useQuery(histogram({ q, since }, 90)).data;
  const { times, series } = useMemo(() => {
    const buckets = all?.buckets ?? [];
    const alerts = buckets.map((bucket) => bucket.by_type.alert ?? 0);
    return {
      times: buckets.map((bucket) => parseTime(bucket.time) / 1000),
      series: [
        { name: 'alerts', colour: '--high', values: alerts },
        {
          name: 'other events',
          colour: '--series-2',
          values: buckets.map((bucket, i) => bucket.total - (alerts[i] ?? 0)),
        },
      ],
    };
  }, [all]);
  return (
    <section className="panel host-activity">
      <Chart label="Events of the host over time" kind="bars" height={92} times={times} series={series} />
    </section>
  );
}

function Peers({ peers }: { peers: Peer[] }) {
  return (
    <div className="scroll-x">
      <table className="plain-table is-fit">
        <thead>
          <tr>
            <th>Address</th>
            <th className="wide-only">Country</th>
            <th className="num">Alerts</th>
            <th className="num">Events</th>
            <th className="num">Bytes</th>
            <th className="num wide-only">Last</th>
          </tr>
        </thead>
        <tbody>
          {peers.slice(0, 25).map((peer) => (
            <tr key={peer.address}>
              <td>
                <Value field="dest_ip" value={peer.address} />
              </td>
              <td className="wide-only">{peer.country ?? ''}</td>
              <td className="num">
                {peer.alerts ? (
                  <b className="host-alerts">{exact(peer.alerts)}</b>
                ) : (
                  <span className="faint">0</span>
                )}
              </td>
              <td className="num">{exact(peer.events)}</td>
              <td className="num">{bytes(peer.bytes)}</td>
              <td className="num wide-only">
                <Ago time={peer.last} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
