// The door: a name and a password, or the organisation's own login.
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { get, Problem } from '@/api/client';
import { login, markSession } from '@/api/session';
import type { Methods } from '@/api/types';
import './login.css';

export function Login() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [refusal, setRefusal] = useState<string | null>(() => {
    const error = new URLSearchParams(location.search).get('login_error');
    return error ? `The login was refused: ${error}` : null;
  });
  const [busy, setBusy] = useState(false);
  const methods = useQuery({
    queryKey: ['auth', 'methods'],
    queryFn: ({ signal }) => get<Methods>('auth/methods', {}, signal),
    retry: 1,
  }).data;

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setRefusal(null);
    try {
      await login(name, password);
    } catch (error) {
      setRefusal(reason(error));
      setPassword('');
      document.getElementById('password')?.focus();
    } finally {
      setBusy(false);
    }
  }
  const oidc = methods?.oidc;
  return (
    <main className="login">
      <div className="login-box">
        <h1 className="login-brand">
          <img src="/favicon.svg" width="30" height="30" alt="" />
          Ratel
        </h1>
        {methods?.password === false ? null : (
          <form onSubmit={(event) => void submit(event)}>
            <div className="field">
              <label htmlFor="name">Name</label>
              <input
                id="name"
                className="input"
                autoComplete="username"
                autoCapitalize="none"
                spellCheck={false}
                required
                // The page has nothing else to do.
                // eslint-disable-next-line jsx-a11y/no-autofocus
                autoFocus
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            </div>
            <div className="field">
              <label htmlFor="password">Password</label>
              <input
                id="password"
                className="input"
                type="password"
                autoComplete="current-password"
                required
                value={password}
                aria-invalid={refusal !== null}
                aria-describedby={refusal ? 'refusal' : undefined}
                onChange={(event) => setPassword(event.target.value)}
              />
            </div>
            {refusal ? (
              <p id="refusal" className="note-bad" role="alert">
                {refusal}
              </p>
            ) : null}
            <button type="submit" className="btn btn-primary" disabled={busy}>
              {busy ? 'Logging in…' : 'Log in'}
            </button>
          </form>
        )}
        {oidc ? (
          <a className="btn login-oidc" href={oidc.start} onClick={() => markSession(true)}>
            Log in with {oidc.name}
          </a>
        ) : null}
        <p className="faint login-hint">
          The first password was printed once, when Ratel started first. Lost it?{' '}
          <code>ratel users passwd admin</code>
        </p>
      </div>
    </main>
  );
}

/** A refusal in words that help, and say no more than the server wants to. */
export function reason(error: unknown): string {
  if (!(error instanceof Problem)) return 'Something went wrong here.';
  if (error.status === 0) return 'Ratel cannot be reached.';
  if (error.status === 401) return 'Name or password is wrong.';
  if (error.status === 429) return error.detail || 'Too many attempts. Wait a little.';
  return error.detail;
}
