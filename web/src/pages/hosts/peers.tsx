// Whom a host talks to, at a glance: one line for each peer, as thick as the talk, red where alerts fell.
import { Link } from '@tanstack/react-router';
import type { Peer } from '@/api/types';
import { exact, bytes } from '@/lib/numbers';

const SHOWN = 10;
const ROW = 22;

export function PeerMap({ address, peers }: { address: string; peers: Peer[] }) {
  const list = peers.slice(0, SHOWN);
  if (list.length < 2) return null;
  const height = list.length * ROW;
  const most = Math.max(...list.map((peer) => peer.events), 1);
  const width = (peer: Peer) => 1 + 7 * Math.sqrt(peer.events / most);
  return (
    <figure className="peers" aria-label={`${address} and its busiest peers`}>
      <span className="mono cut peers-self">{address}</span>
      <svg viewBox={`0 0 100 ${height}`} height={height} preserveAspectRatio="none" aria-hidden="true">
        {list.map((peer, i) => {
          const y = i * ROW + ROW / 2;
          return (
            <path
              key={peer.address}
              d={`M0 ${height / 2} C50 ${height / 2} 50 ${y} 100 ${y}`}
              fill="none"
              stroke={peer.alerts ? 'var(--high)' : 'var(--series-2)'}
              strokeOpacity="0.75"
              strokeWidth={width(peer)}
              vectorEffect="non-scaling-stroke"
            />
          );
        })}
      </svg>
      <ol>
        {list.map((peer) => (
          <li key={peer.address} style={{ height: ROW }}>
            <Link to="/hosts/one" search={{ ip: peer.address }} className="mono">
              {peer.address}
            </Link>
            <span className="faint cut">
              {exact(peer.events)} events, {bytes(peer.bytes)}
            </span>
          </li>
        ))}
      </ol>
    </figure>
  );
}
