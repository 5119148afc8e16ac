// What people set: silences, who may log in, tokens of programs, receivers, one's own password.
import * as Tabs from '@radix-ui/react-tabs';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMay, useSession } from '@/api/session';
import { Segments } from '@/parts/segments';
import { ReceiverList } from '@/pages/health/receivers';
import { PasswordForm } from '@/pages/login/new-password';
import { say } from '@/parts/toast';
import { setTheme, useTheme, type Theme } from '@/shell/theme';
import { Silences } from './silences';
import { Tokens } from './tokens';
import { Users } from './users';
import '@/pages/health/health.css';
import '@/pages/login/login.css';
import './settings.css';

export function Settings() {
  const search = useSearch({ from: '/settings' });
  const navigate = useNavigate();
  const isAdmin = useMay('admin');
  const tabs = [
    ['silences', 'Silences'],
    ['receivers', 'Receivers'],
    ['tokens', 'API tokens'],
    ...(isAdmin ? ([['users', 'Users']] as const) : []),
    ['profile', 'Profile'],
  ] as const;
  const tab = tabs.some(([key]) => key === search.tab) ? (search.tab ?? 'silences') : 'silences';
  return (
    <div className="page">
      <div className="page-head">
        <h1>Settings</h1>
      </div>
      <Tabs.Root
        value={tab}
        onValueChange={(next) => void navigate({ to: '/settings', search: { tab: next }, replace: true })}
      >
        <Tabs.List className="tabs" aria-label="Settings">
          {tabs.map(([key, name]) => (
            <Tabs.Trigger key={key} value={key}>
              {name}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <Tabs.Content value="silences" className="set-tab">
          <Silences />
        </Tabs.Content>
        <Tabs.Content value="receivers" className="set-tab set-narrow">
          <ReceiverList />
        </Tabs.Content>
        <Tabs.Content value="tokens" className="set-tab">
          <Tokens />
        </Tabs.Content>
        <Tabs.Content value="users" className="set-tab">
          <Users />
        </Tabs.Content>
        <Tabs.Content value="profile" className="set-tab set-narrow">
          <Profile />
        </Tabs.Content>
      </Tabs.Root>
    </div>
  );
}

function Profile() {
  const session = useSession();
  const theme = useTheme();
  if (session.state !== 'in') return null;
  return (
    <>
      <section className="panel">
        <header>
          <h2>You</h2>
        </header>
        <div className="body">
          <dl className="facts">
            <dt>Name</dt>
            <dd>{session.user.name}</dd>
            <dt>Role</dt>
            <dd>{session.user.role}</dd>
            <dt>Theme</dt>
            <dd>
              <Segments<Theme>
                label="Theme"
                value={theme}
                choices={[
                  ['system', 'As the system'],
                  ['light', 'Light'],
                  ['dark', 'Dark'],
                ]}
                onChange={setTheme}
              />
            </dd>
            <dt>Times</dt>
            <dd>{Intl.DateTimeFormat().resolvedOptions().timeZone}; point at one to see it in UTC</dd>
          </dl>
        </div>
      </section>
      <section className="panel">
        <header>
          <h2>Password</h2>
        </header>
        <div className="body pw-form">
          <PasswordForm onDone={() => say('The password is changed. Your other sessions are over.')} />
        </div>
      </section>
    </>
  );
}
