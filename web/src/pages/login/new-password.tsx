// A password that was given must be replaced by one of one's own.
import { useState, type FormEvent } from 'react';
import { changePassword, logout, useSession } from '@/api/session';
import { reason } from './login';
import './login.css';

/** As the server wants it. */
const MIN_LENGTH = 12;

export function PasswordForm({ onDone }: { onDone?: () => void }) {
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (next !== again) return setRefusal('The two new passwords differ.');
    setBusy(true);
    setRefusal(null);
    try {
      await changePassword(old, next);
      setOld('');
      setNext('');
      setAgain('');
      onDone?.();
    } catch (error) {
      setRefusal(
        reason(error) === 'Name or password is wrong.' ? 'The old password is wrong.' : reason(error),
      );
    } finally {
      setBusy(false);
    }
  }
  const input = (
    id: string,
    label: string,
    value: string,
    set: (value: string) => void,
    complete: string,
  ) => (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        type="password"
        autoComplete={complete}
        required
        minLength={complete === 'new-password' ? MIN_LENGTH : undefined}
        value={value}
        onChange={(event) => set(event.target.value)}
      />
    </div>
  );
  return (
    <form onSubmit={(event) => void submit(event)}>
      {input('old', 'Password so far', old, setOld, 'current-password')}
      {input('new', `New password, ${MIN_LENGTH} characters or more`, next, setNext, 'new-password')}
      {input('again', 'New password again', again, setAgain, 'new-password')}
      {refusal ? (
        <p className="note-bad" role="alert">
          {refusal}
        </p>
      ) : null}
      <button type="submit" className="btn btn-primary" disabled={busy}>
        {busy ? 'Changing…' : 'Change the password'}
      </button>
    </form>
  );
}

export function NewPassword() {
  const session = useSession();
  return (
    <main className="login">
      <div className="login-box">
        <h1>Choose a password</h1>
        <p className="quiet">
          {session.state === 'in' ? <b>{session.user.name}</b> : 'You'} came in with a password that others
          may have seen. Choose one of your own to go on.
        </p>
        <PasswordForm />
        <button type="button" className="btn btn-plain" onClick={() => void logout()}>
          Log out
        </button>
      </div>
    </main>
  );
}
