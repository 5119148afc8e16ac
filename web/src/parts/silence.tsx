// Silence what is known to be harmless: for a time, with a reason, and with what it would have hidden.
import { useMutation, useQuery, useQueryClient, keepPreviousData } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState, type FormEvent } from 'react';
import { post } from '@/api/client';
import type { Preview, Silence } from '@/api/types';
import { summary } from '@/lib/eve';
import { exact } from '@/lib/numbers';
import { Dialog, DialogFoot } from './dialog';
import { TextField } from './field';
import { Segments } from './segments';
import { explain } from './states';
import { complain, say } from './toast';
import { Ago } from './time';
import './silence.css';

const LENGTHS = [
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '1 week'],
  ['2592000', '30 days'],
] as const;
const DAYS = 7;

/** So that not every letter asks the store. */
const TYPING_MS = 350;

function useSettled<T>(value: T, ms: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

export function SilenceDialog({ query: first, onClose }: { query: string; onClose: () => void }) {
  const cache = useQueryClient();
  const [query, setQuery] = useState(first);
  const [kind, setKind] = useState<Silence['kind']>('silence');
  const [secs, setSecs] = useState<string>('86400');
  const [reason, setReason] = useState('');
  const settled = useSettled(query.trim(), TYPING_MS);
  const preview = useQuery({
    queryKey: ['silence-preview', settled, kind],
    queryFn: ({ signal }) =>
      post<Preview>('silences/preview', { query: settled, kind, days: DAYS }, { signal }),
    enabled: settled !== '',
    retry: false,
    placeholderData: keepPreviousData,
  });
  const create = useMutation({
    mutationFn: () =>
      post<Silence>('silences', {
        query: query.trim(),
        kind,
        reason,
        expires: new Date(Date.now() + Number(secs) * 1000).toISOString(),
      }),
    onSuccess: () => {
      say('The silence holds.');
      void cache.invalidateQueries({ queryKey: ['silences'] });
      void cache.invalidateQueries({ queryKey: ['incident'] });
      onClose();
    },
    onError: complain,
  });
  const data = preview.error ? undefined : preview.data;
  const incidents = data?.incidents.length ?? 0;
  return (
    <Dialog open title="Silence" onClose={onClose}>
      <form
        className="sil"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <div className="field">
          <label htmlFor="sil-query">Events that fit this query</label>
          <textarea
            id="sil-query"
            className="input mono"
            rows={3}
            required
            spellCheck={false}
            value={query}
            aria-invalid={preview.error ? true : undefined}
            onChange={(event) => setQuery(event.target.value)}
          />
        </div>
        <div className="row">
          <Segments
            label="What is hidden"
            value={kind}
            choices={[
              ['silence', 'Only notifications'],
              ['suppress', 'Out of incidents too'],
            ]}
            onChange={setKind}
          />
          <Segments label="For how long" value={secs} choices={LENGTHS} onChange={setSecs} />
        </div>
        <div className="sil-preview" aria-live="polite" aria-busy={preview.isFetching}>
          {preview.error ? (
            <p className="sil-bad">{explain(preview.error).detail || explain(preview.error).title}</p>
          ) : data ? (
            <>
              <p>
                Would have hidden <b>{exact(data.would_hide)}</b> of <b>{exact(data.of)}</b> alerts in the
                last {DAYS} days
                {incidents ? `, in ${exact(incidents)} ${incidents === 1 ? 'incident' : 'incidents'}` : ''}.
              </p>
              <div className="sil-bar" role="img" aria-label={`${data.would_hide} of ${data.of}`}>
                <i style={{ width: `${data.of ? (100 * data.would_hide) / data.of : 0}%` }} />
              </div>
              {data.of > 0 && data.would_hide / data.of > 0.9 && data.of > 20 ? (
                <p className="sil-bad">That is nearly everything. Narrow the query?</p>
              ) : null}
              <ul>
                {data.sample.slice(0, 3).map((hit) => (
                  <li key={hit.id}>
                    <Link to="/events/$id" params={{ id: hit.id }} className="cut">
                      {summary(hit.event) || hit.id}
                    </Link>
                    <span className="faint">
                      <Ago time={hit.time} />
                    </span>
                  </li>
                ))}
              </ul>
            </>
          ) : (
            <p className="faint">Counting what it would have hidden…</p>
          )}
        </div>
        <TextField
          label="Why"
          required
          minLength={3}
          placeholder="The vulnerability scanner runs on Mondays"
          value={reason}
          onChange={setReason}
        />
        <DialogFoot
          submit="Silence"
          disabled={create.isPending || !query.trim() || reason.trim().length < 3 || Boolean(preview.error)}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
