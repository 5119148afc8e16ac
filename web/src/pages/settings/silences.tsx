// Silences in force and those that are over, each with its owner, reason and end.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, download } from '@/api/client';
import { silences } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Silence } from '@/api/types';
import { parseTime } from '@/lib/time';
import { useChange } from '@/parts/change';
import { Icon } from '@/parts/icons';
import { PlainTable } from '@/parts/plain-table';
import { SilenceDialog } from '@/parts/silence';
import { Ask, Empty } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago, useNow } from '@/parts/time';
import { complain, say } from '@/parts/toast';

export function Silences() {
  const answer = useQuery(silences());
  const may = useMay('analyst');
  const [making, setMaking] = useState(false);
  return (
    <>
      <div className="row">
        {may ? (
          <button type="button" className="btn" onClick={() => setMaking(true)}>
            <Icon name="plus" size={14} /> Silence…
          </button>
        ) : null}
        <button
          type="button"
          className="btn"
          onClick={() => void download('silences/threshold.config', 'threshold.config').catch(complain)}
        >
          <Icon name="download" size={14} /> threshold.config
        </button>
        <span className="faint">for Suricata, as far as it can say the same</span>
      </div>
      <section className="panel">
        <Ask
          of={answer}
          empty={(list) =>
            list.length ? null : <Empty title="Nothing is silenced">Everything that is found is told.</Empty>
          }
        >
          {(list) => (
            <PlainTable heads={['Events', 'Hides', 'Why', 'Owner', 'Ends']} last="Expire">
              {list.map((silence) => (
                <Row key={silence.id} silence={silence} may={may} />
              ))}
            </PlainTable>
          )}
        </Ask>
      </section>
      {making ? <SilenceDialog query="" onClose={() => setMaking(false)} /> : null}
    </>
  );
}

function Row({ silence, may }: { silence: Silence; may: boolean }) {
  const now = useNow();
  const isOver = silence.active === false || parseTime(silence.expires) <= now;
  const expire = useChange(
    'silences',
    () => call('DELETE', `silences/${encodeURIComponent(silence.id)}`),
    () => say('The silence is over.'),
  );
  return (
    <tr className={isOver ? 'faint' : undefined}>
      <td className="mono set-query">
        <Link to="/hunt" search={{ q: silence.query, since: '7d' }}>
          {silence.query}
        </Link>
      </td>
      <td>
        <Tag tone={silence.kind === 'suppress' ? 'warn' : 'plain'}>
          {silence.kind === 'suppress' ? 'incidents too' : 'notifications'}
        </Tag>
      </td>
      <td>{silence.reason}</td>
      <td>{silence.owner}</td>
      <td>{isOver ? 'over' : <Ago time={silence.expires} />}</td>
      <td className="num">
        {may && !isOver ? (
          <button
            type="button"
            className="btn btn-small"
            disabled={expire.isPending}
            onClick={() => expire.mutate(undefined)}
          >
            Expire
          </button>
        ) : null}
      </td>
    </tr>
  );
}
