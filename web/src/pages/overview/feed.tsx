// Alerts as they come, the newest first, without a reload.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useLive } from '@/api/live';
import { get } from '@/api/client';
import type { Events, Hit } from '@/api/types';
import { severityOf, text } from '@/lib/eve';
import { Loading } from '@/parts/states';
import { SeverityMark } from '@/parts/severity';
import { Ago } from '@/parts/time';

const SHOWN = 9;

/** The newest first, each once; an alert that is told twice stays one. */
export function merge(fresh: Hit[], known: Hit[], limit: number): Hit[] {
  const seen = new Set<string>();
  const all = [...fresh, ...known].filter((hit) => !seen.has(hit.id) && seen.add(hit.id));
  return all.slice(0, limit);
}

export function AlertFeed() {
  const [fresh, setFresh] = useState<Hit[]>([]);
  const known = useQuery({
    queryKey: ['events', 'feed'],
    queryFn: ({ signal }) =>
      get<Events>('events', { q: 'event_type:alert', since: '7d', limit: SHOWN }, signal),
  });
  useLive<Hit>('event', (hit) => {
    if (hit.event.event_type === 'alert') setFresh((old) => merge([hit], old, SHOWN));
  });
  const list = merge(fresh, known.data?.items ?? [], SHOWN);
  const isFresh = new Set(fresh.map((hit) => hit.id));
  return (
    <section className="panel ov-feed" aria-label="Latest alerts">
      <header>
        <h2>Latest alerts</h2>
        <span className="end">
          <Link to="/hunt" search={{ q: 'event_type:alert' }}>
            All
          </Link>
        </span>
      </header>
      {known.isPending && list.length === 0 ? (
        <Loading />
      ) : list.length === 0 ? (
        <p className="body faint">No alert in the last seven days.</p>
      ) : (
        <ol className="body ov-alerts">
          {list.map((hit) => (
            <li key={hit.id} className={isFresh.has(hit.id) ? 'is-fresh' : ''} data-event={hit.id}>
              <Link to="/events/$id" params={{ id: hit.id }}>
                <SeverityMark severity={severityOf(hit.event) ?? 'informational'} short />
                <span className="cut">{text(hit.event, 'alert.signature')}</span>
                <span className="mono quiet cut ov-ends">
                  {text(hit.event, 'src_ip')} → {text(hit.event, 'dest_ip')}
                </span>
                <span className="faint ov-ago">
                  <Ago time={hit.time} />
                </span>
              </Link>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
