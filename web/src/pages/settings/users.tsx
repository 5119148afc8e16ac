// Who may log in, and as what.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, post } from '@/api/client';
import { users } from '@/api/queries';
import { useSession } from '@/api/session';
import type { NewUser, Role } from '@/api/types';
import { Menu, MenuItem } from '@/parts/menu';
import { Icon } from '@/parts/icons';
import { Ask } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { complain, say } from '@/parts/toast';
import { Secret } from './secret';

const ROLES: Role[] = ['viewer', 'analyst', 'responder', 'admin'];

export function Users() {
  const cache = useQueryClient();
  const session = useSession();
  const me = session.state === 'in' ? session.user.name : '';
  const answer = useQuery(users());
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('analyst');
  const [made, setMade] = useState<NewUser | null>(null);
  const again = () => cache.invalidateQueries({ queryKey: ['users'] });
  const make = useMutation({
    mutationFn: () => post<NewUser>('users', { name: name.trim(), role }),
    onSuccess: (user) => {
      setMade(user);
      setName('');
      void again();
    },
    onError: complain,
  });
  const change = useMutation({
    mutationFn: ({
      user,
      ...body
    }: {
      user: string;
      role?: Role;
      disabled?: boolean;
      reset_password?: boolean;
    }) => call<NewUser>('PATCH', `users/${encodeURIComponent(user)}`, { body }),
    onSuccess: (user) => (user?.one_time_password ? setMade(user) : say('Changed.')),
    onError: complain,
    onSettled: again,
  });
  const remove = useMutation({
    mutationFn: (user: string) => call('DELETE', `users/${encodeURIComponent(user)}`),
    onSuccess: () => say('Removed.'),
    onError: complain,
    onSettled: again,
  });
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
          <label htmlFor="user-name">Name</label>
          <input
            id="user-name"
            className="input"
            required
            maxLength={64}
            pattern="[A-Za-z0-9][A-Za-z0-9._@\-]*"
            autoCapitalize="none"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <div className="field">
          <label htmlFor="user-role">Role</label>
          <select
            id="user-role"
            className="input"
            value={role}
            onChange={(event) => setRole(event.target.value as Role)}
          >
            {ROLES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </div>
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
            <div className="scroll-x">
              <table className="plain-table">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Role</th>
                    <th>State</th>
                    <th>Logged in last</th>
                    <th>Made</th>
                    <th>
                      <span className="sr">More</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
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
                            <MenuItem
                              onSelect={() => change.mutate({ user: user.name, reset_password: true })}
                            >
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
                </tbody>
              </table>
            </div>
          )}
        </Ask>
      </section>
    </>
  );
}
