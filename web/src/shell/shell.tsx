// The frame around every page: rail, bar, what is live, what can be dropped, which keys there are.
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import * as Tooltip from '@radix-ui/react-tooltip';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useSession, logout } from '@/api/session';
import { Icon } from '@/parts/icons';
import { Menu, MenuHead, MenuItem, MenuLine } from '@/parts/menu';
import { PivotMenu } from '@/parts/pivot';
import { Loading } from '@/parts/states';
import { Toasts } from '@/parts/toast';
import { DropCapture } from './drop';
import { useKeys } from './keys';
import { LinkState, StaleBanner } from './link';
import { PAGES } from './pages';
import { useLiveCache } from './live-cache';
import { setTheme, useDark, useTheme } from './theme';
import './shell.css';

const Login = lazy(() => import('@/pages/login/login').then((m) => ({ default: m.Login })));
const NewPassword = lazy(() =>
  import('@/pages/login/new-password').then((m) => ({ default: m.NewPassword })),
);
const Palette = lazy(() => import('./palette').then((m) => ({ default: m.Palette })));
const Help = lazy(() => import('./help').then((m) => ({ default: m.Help })));

export function Shell() {
  const session = useSession();
  if (session.state === 'unknown') return <Loading label="Looking whether you are logged in" />;
  if (session.state === 'out')
    return (
      <Suspense fallback={<Loading />}>
        <Login />
        <Toasts />
      </Suspense>
    );
  if (session.user.must_change_password)
    return (
      <Suspense fallback={<Loading />}>
        <NewPassword />
        <Toasts />
      </Suspense>
    );
  return (
    <Tooltip.Provider delayDuration={400}>
      <Frame />
    </Tooltip.Provider>
  );
}

function Frame() {
  const navigate = useNavigate();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useLiveCache();
  usePageTitle();
  useKeys({
    'mod+k': () => setPalette(true),
    '?': () => setHelp(true),
    '/': () => {
      const own = document.querySelector<HTMLElement>('[data-search]');
      if (own) own.focus();
      else setPalette(true);
    },
    ...Object.fromEntries(PAGES.map((page) => [`g ${page.key}`, () => void navigate({ to: page.to })])),
  });
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Rail />
      <header className="bar">
        <Link to="/overview" className="bar-brand" aria-label="Ratel, to the overview">
          Ratel
        </Link>
        <button type="button" className="bar-search" onClick={() => setPalette(true)}>
          <Icon name="hunt" size={14} />
          <span className="cut">Search or go to…</span>
          <kbd>Ctrl K</kbd>
        </button>
        <div className="bar-end">
          <LinkState />
          <ThemeButton />
          <UserMenu onHelp={() => setHelp(true)} />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <StaleBanner />
        <Outlet />
      </main>
      <PivotMenu />
      <DropCapture />
      <Toasts />
      <Suspense>
        {palette ? <Palette onClose={() => setPalette(false)} onHelp={() => setHelp(true)} /> : null}
        {help ? <Help onClose={() => setHelp(false)} /> : null}
      </Suspense>
    </div>
  );
}

function Rail() {
  return (
    <nav className="rail" aria-label="Pages">
      <Link to="/overview" className="rail-brand" aria-label="Ratel, to the overview">
        <img src="/favicon.svg" width="20" height="20" alt="" />
        Ratel
      </Link>
      {PAGES.map((page) => (
        <Link
          key={page.to}
          to={page.to}
          className="rail-link"
          activeProps={{ className: 'rail-link is-here' }}
        >
          <Icon name={page.icon} />
          <span>{page.name}</span>
        </Link>
      ))}
    </nav>
  );
}

function ThemeButton() {
  const dark = useDark();
  return (
    <button
      type="button"
      className="btn btn-plain btn-icon"
      aria-label={dark ? 'Use the light theme' : 'Use the dark theme'}
      onClick={() => setTheme(dark ? 'light' : 'dark')}
    >
      <Icon name={dark ? 'sun' : 'moon'} />
    </button>
  );
}

function UserMenu({ onHelp }: { onHelp: () => void }) {
  const session = useSession();
  const navigate = useNavigate();
  const theme = useTheme();
  if (session.state !== 'in') return null;
  return (
    <Menu
      className="btn btn-plain btn-icon"
      label={`You: ${session.user.name}`}
      trigger={<Icon name="user" />}
    >
      <MenuHead>
        <b>{session.user.name}</b>, {session.user.role}
      </MenuHead>
      <MenuItem onSelect={() => void navigate({ to: '/settings', search: { tab: 'profile' } })}>
        Profile
      </MenuItem>
      <MenuItem onSelect={onHelp} end={<kbd>?</kbd>}>
        Keys
      </MenuItem>
      {theme !== 'system' ? (
        <MenuItem onSelect={() => setTheme('system')}>Theme as the system has it</MenuItem>
      ) : null}
      <MenuLine />
      <MenuItem onSelect={() => void logout()}>Log out</MenuItem>
    </Menu>
  );
}

/** The tab says where one is, and a page that is new is told to screen readers by moving the focus. */
function usePageTitle(): void {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isFirst = useRef(true);
  useEffect(() => {
    const page = PAGES.find((each) => path.startsWith(each.to));
    document.title = `${page?.name ?? (path.startsWith('/events/') ? 'Event' : 'Not found')} · Ratel`;
    if (!isFirst.current) document.getElementById('main')?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
}
