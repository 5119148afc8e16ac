// The addresses of the pages. What a page shows is in its address, so that it can be shared; pages are loaded when needed.
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { Missing, Crashed, Loading } from '@/shell/fallback';
import { Shell } from '@/shell/shell';

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** Keeps the keys that a page knows, as text; all else in the address is ignored. */
function only<K extends string>(...keys: K[]) {
  return (search: Record<string, unknown>): Partial<Record<K, string>> => {
    const kept: Partial<Record<K, string>> = {};
    for (const key of keys) {
      const value = text(search[key]);
      if (value !== undefined) kept[key] = value;
    }
    return kept;
  };
}

const root = createRootRoute({ component: Shell, notFoundComponent: Missing });
const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/overview', replace: true });
  },
});
const overview = createRoute({
  getParentRoute: () => root,
  path: '/overview',
  validateSearch: only('since'),
  component: lazyRouteComponent(() => import('@/pages/overview/overview'), 'Overview'),
});
const incidents = createRoute({
  getParentRoute: () => root,
  path: '/incidents',
  validateSearch: only('status', 'severity', 'owner', 'q'),
  component: lazyRouteComponent(() => import('@/pages/incidents/list'), 'Incidents'),
});
const incident = createRoute({
  getParentRoute: () => root,
  path: '/incidents/$id',
  component: lazyRouteComponent(() => import('@/pages/incidents/detail'), 'IncidentDetail'),
});
const event = createRoute({
  getParentRoute: () => root,
  path: '/events/$id',
  component: lazyRouteComponent(() => import('@/pages/event/event'), 'EventPage'),
});
const hunt = createRoute({
  getParentRoute: () => root,
  path: '/hunt',
  validateSearch: only('q', 'since', 'until', 'columns', 'live'),
  component: lazyRouteComponent(() => import('@/pages/hunt/hunt'), 'Hunt'),
});
const hosts = createRoute({
  getParentRoute: () => root,
  path: '/hosts',
  validateSearch: only('q', 'since'),
  component: lazyRouteComponent(() => import('@/pages/hosts/list'), 'Hosts'),
});
const host = createRoute({
  getParentRoute: () => root,
  // The address is no part of the path: a path whose end has dots is a file to a server.
  path: '/hosts/one',
  validateSearch: only('ip', 'since'),
  component: lazyRouteComponent(() => import('@/pages/hosts/detail'), 'HostPage'),
});
const actions = createRoute({
  getParentRoute: () => root,
  path: '/actions',
  validateSearch: only('state', 'target', 'id'),
  component: lazyRouteComponent(() => import('@/pages/actions/actions'), 'Actions'),
});
const rules = createRoute({
  getParentRoute: () => root,
  path: '/rules',
  validateSearch: only('q', 'state', 'sid'),
  component: lazyRouteComponent(() => import('@/pages/rules/rules'), 'Rules'),
});
const health = createRoute({
  getParentRoute: () => root,
  path: '/health',
  component: lazyRouteComponent(() => import('@/pages/health/health'), 'Health'),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: '/settings',
  validateSearch: only('tab'),
  component: lazyRouteComponent(() => import('@/pages/settings/settings'), 'Settings'),
});

const tree = root.addChildren([
  home,
  overview,
  incidents,
  incident,
  event,
  hunt,
  hosts,
  host,
  actions,
  rules,
  health,
  settings,
]);

export function makeRouter(_cache: QueryClient) {
  return createRouter({
    routeTree: tree,
    defaultPreload: 'intent',
    defaultPendingComponent: Loading,
    defaultErrorComponent: Crashed,
    defaultNotFoundComponent: Missing,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
