// Keys of programs: a role, an end, and when they were used last.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, post } from '@/api/client';
import { tokens } from '@/api/queries';
import { useSession } from '@/api/session';
import type { NewToken, Role } from '@/api/types';
import { useChange } from '@/parts/change';
import { ChoiceField, TextField } from '@/parts/field';
import { PlainTable } from '@/parts/plain-table';
import { Ask, Empty } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { say } from '@/parts/toast';
import { Secret } from './secret';

const ROLES: Role[] = ['ingest', 'viewer', 'analyst', 'responder', 'admin'];
const ENDS = [
  ['7d', 'a week'],
  ['90d', '90 days'],
  ['365d', 'a year'],
] as const;

export function Tokens() {
  const session = useSession();
  const answer = useQuery(tokens());
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [expires, setExpires] = useState<(typeof ENDS)[number][0]>('90d');
  const [made, setMade] = useState<NewToken | null>(null);
  const make = useChange(
    'tokens',
    () => post<NewToken>('tokens', { name: name.trim(), role, expires }),
    (token) => {
      setMade(token);
      setName('');
    },
  );
  const remove = useChange(
    'tokens',
    (id: string) => call('DELETE', `tokens/${encodeURIComponent(id)}`),
    () => say('The token is worth nothing from now on.'),
  );
  const mine = session.state === 'in' ? ROLES.indexOf(session.user.role) : 0;
  return (
    <>
      <form
        className="row set-form"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate(undefined);
        }}
      >
        <TextField label="What it is for" required maxLength={64} value={name} onChange={setName} />
        <ChoiceField
          label="May"
          value={role}
          choices={ROLES.slice(0, mine + 1).map((each) => [each, each] as const)}
          onChange={setRole}
        />
        <ChoiceField label="Ends in" value={expires} choices={ENDS} onChange={setExpires} />
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
            <PlainTable heads={['For', 'May', 'Owner', 'Made', 'Used last', 'Ends']} last="Take back">
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
            </PlainTable>
          )}
        </Ask>
      </section>
    </>
  );
}
