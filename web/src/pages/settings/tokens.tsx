// Keys of programs: a role, an end, and when they were used last.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, post } from '@/api/client';
import { tokens } from '@/api/queries';
import { useSession } from '@/api/session';
import type { NewToken, Role } from '@/api/types';
import { Ask, Empty } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { complain, say } from '@/parts/toast';
import { Secret } from './secret';

const ROLES: Role[] = ['ingest', 'viewer', 'analyst', 'responder', 'admin'];

export function Tokens() {
  const cache = useQueryClient();
  const session = useSession();
  const answer = useQuery(tokens());
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [expires, setExpires] = useState('90d');
  const [made, setMade] = useState<NewToken | null>(null);
  const again = () => cache.invalidateQueries({ queryKey: ['tokens'] });
  const make = useMutation({
    mutationFn: () => post<NewToken>('tokens', { name: name.trim(), role, expires }),
    onSuccess: (token) => {
      setMade(token);
      setName('');
      void again();
    },
    onError: complain,
  });
  const remove = useMutation({
    mutationFn: (id: string) => call('DELETE', `tokens/${encodeURIComponent(id)}`),
    onSuccess: () => say('The token is worth nothing from now on.'),
    onError: complain,
    onSettled: again,
  });
  const mine = session.state === 'in' ? ROLES.indexOf(session.user.role) : 0;
  return (
    <>
      <form
        className="row set-form"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <div className="field">
          <label htmlFor="token-name">What it is for</label>
          <input
            id="token-name"
            className="input"
            required
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <div className="field">
          <label htmlFor="token-role">May</label>
          <select
            id="token-role"
            className="input"
            value={role}
            onChange={(event) => setRole(event.target.value as Role)}
          >
            {ROLES.slice(0, mine + 1).map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor="token-ends">Ends in</label>
          <select
            id="token-ends"
            className="input"
            value={expires}
            onChange={(event) => setExpires(event.target.value)}
          >
            <option value="7d">a week</option>
            <option value="90d">90 days</option>
            <option value="365d">a year</option>
          </select>
        </div>
        <button type="submit" className="btn btn-primary" disabled={!name.trim() || make.isPending}>
          Make a token
        </button>
      </form>
      {made?.secret ? (
        <Secret label={`The token ${made.name}.`} secret={made.secret} onDone={() => setMade(null)} />
      ) : null}
      <section className="panel">
        <Ask
          of={answer}
          empty={(list) =>
            list.length ? null : (
              <Empty title="No token yet">Scripts, log shippers and Grafana log in with one.</Empty>
            )
          }
        >
          {(list) => (
            <div className="scroll-x">
              <table className="plain-table">
                <thead>
                  <tr>
                    <th>For</th>
                    <th>May</th>
                    <th>Owner</th>
                    <th>Made</th>
                    <th>Used last</th>
                    <th>Ends</th>
                    <th>
                      <span className="sr">Take back</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {list.map((token) => (
                    <tr key={token.id}>
                      <td>{token.name}</td>
                      <td>
                        <Tag>{token.role}</Tag>
                      </td>
                      <td>{token.owner}</td>
                      <td>
                        <Ago time={token.created} />
                      </td>
                      <td>
                        <Ago time={token.last_used} />
                      </td>
                      <td>
                        <Ago time={token.expires} />
                      </td>
                      <td className="num">
                        <button
                          type="button"
                          className="btn btn-small btn-danger"
                          disabled={remove.isPending}
                          onClick={() => remove.mutate(token.id)}
                        >
                          Take back
                        </button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Ask>
      </section>
    </>
  );
}
