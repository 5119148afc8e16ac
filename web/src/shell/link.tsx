// Whether what is shown is live, and what to do where it is not.
import { live, useLink } from '@/api/live';
import { useNow } from '@/parts/time';
import { clock, duration } from '@/lib/time';

export function LinkState() {
  const link = useLink();
  const now = useNow();
  if (link.state === 'live')
    return (
      <span className="live" title={`Live since ${clock(link.since)}`}>
        <i className="dot dot-good live-beat" />
        <span className="live-word">Live</span>
        <span className="sr">Data arrives live</span>
      </span>
    );
  if (link.state === 'stale')
    return (
      <button type="button" className="btn btn-plain live" onClick={live.retry}>
        <i className="dot dot-warn" />
        <span>Not live: {duration(Math.max(0, Math.round((link.retryAt - now) / 1000)))}</span>
      </button>
    );
  return (
    <span className="live">
      <i className="dot" />
      <span className="live-word">Connecting</span>
    </span>
  );
}

/** A line that short interruptions do not show. */
const PATIENCE_MS = 4000;

export function StaleBanner() {
  const link = useLink();
  const now = useNow();
  if (link.state !== 'stale' || now - link.since < PATIENCE_MS) return null;
  return (
    <div className="note-warn stale" role="status">
      <span>
        <b>Not live since {clock(link.since)}.</b> What is shown may be old; it is connected again by itself (
        {link.why}).
      </span>
      <button type="button" className="btn btn-small" onClick={live.retry}>
        Connect now
      </button>
    </div>
  );
}
