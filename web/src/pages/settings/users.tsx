// Who may log in, and as what.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, post } from '@/api/client';
import { users } from '@/api/queries';
import { useSession } from '@/api/session';
import type { NewUser, Role } from '@/api/types';
import { Menu, MenuItem } from '@/parts/menu';
import { Icon } from '@/parts/icons';
import { useChange } from '@/parts/change';
import { ChoiceField, TextField } from '@/parts/field';
import { PlainTable } from '@/parts/plain-table';
import { Ask } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { say } from '@/parts/toast';
import { Secret } from './secret';

const ROLES: Role[] = ['viewer', 'analyst', 'responder', 'admin'];

export function Users() {
  const session = useSession();
  const me = session.state === 'in' ? session.user.name : '';
  const answer = useQuery(users());
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('analyst');
  const [made, setMade] = useState<NewUser | null>(null);
  const make = useChange(
    'users',
    () => post<NewUser>('users', { name: name.trim(), role }),
    (user) => {
      setMade(user);
      setName('');
    },
  );
  const change = useChange(
    'users',
    ({ user, ...body }: { user: string; role?: Role; disabled?: boolean; reset_password?: boolean }) =>
      call<NewUser>('PATCH', `users/${encodeURIComponent(user)}`, { body }),
    (user) => (user?.one_time_password ? setMade(user) : say('Changed.')),
  );
  const remove = useChange(
    'users',
    (user: string) => call('DELETE', `users/${encodeURIComponent(user)}`),
    () => say('Removed.'),
  );
  return (
    <>
      <form
        className="row set-form"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate(undefined);
        }}
      >
        <TextField
          label="Name"
          required
          maxLength={64}
          pattern="[A-Za-z0-9][A-Za-z0-9._@\-]*"
          autoCapitalize="none"
          value={name}
          onChange={setName}
        />
        <ChoiceField
          label="Role"
          value={role}
          choices={ROLES.map((each) => [each, each] as const)}
          onChange={setRole}
        />
        <button type="submit" className="btn btn-primary" disabled={!name.trim() || make.isPending}>
          Add a user
        </button>
      </form>
      {made?.one_time_password ? (
        <Secret
          label={`The first password of ${made.name}.`}
          secret={made.one_time_password}
          onDone={() => setMade(null)}
        />
      ) : null}
      <section className="panel">
        <Ask of={answer}>
          {(list) => (
            <PlainTable heads={['Name', 'Role', 'State', 'Logged in last', 'Made']} last="More">
              {list.map((user) => (
                <tr key={user.name}>
                  <td>
                    <b>{user.name}</b> {user.name === me ? <span className="faint">you</span> : null}
                  </td>
                  <td>
                    <select
                      className="input"
                      aria-label={`Role of ${user.name}`}
                      value={user.role}
                      disabled={change.isPending || user.name === me}
                      onChange={(event) =>
                        change.mutate({ user: user.name, role: event.target.value as Role })
                      }
                    >
                      {ROLES.map((each) => (
                        <option key={each}>{each}</option>
                      ))}
                    </select>
                  </td>
                  <td>
                    {user.disabled ? (
                      <Tag tone="warn">disabled</Tag>
                    ) : user.must_change_password ? (
                      <Tag>new password due</Tag>
                    ) : (
                      <Tag tone="good">may log in</Tag>
                    )}
                  </td>
                  <td>
                    <Ago time={user.last_login} />
                  </td>
                  <td>
                    <Ago time={user.created} />
                  </td>
                  <td className="num">
                    {user.name === me ? null : (
                      <Menu
                        className="btn btn-small btn-icon"
                        label={`More about ${user.name}`}
                        trigger={<Icon name="more" />}
                      >
                        <MenuItem onSelect={() => change.mutate({ user: user.name, reset_password: true })}>
                          Make a new password
                        </MenuItem>
                        <MenuItem
                          onSelect={() => change.mutate({ user: user.name, disabled: !user.disabled })}
                        >
                          {user.disabled ? 'Let log in again' : 'Disable'}
                        </MenuItem>
                        <MenuItem onSelect={() => remove.mutate(user.name)}>Remove</MenuItem>
                      </Menu>
                    )}
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
