// The pages in the order of the rail, each with the key that follows `g`.
import type { IconName } from '@/parts/icons';

export const PAGES = [
  { to: '/overview', name: 'Overview', key: 'o', icon: 'overview' },
  { to: '/incidents', name: 'Incidents', key: 'i', icon: 'incidents' },
  { to: '/hunt', name: 'Hunt', key: 'h', icon: 'hunt' },
  { to: '/hosts', name: 'Hosts', key: 't', icon: 'hosts' },
  { to: '/actions', name: 'Actions', key: 'a', icon: 'actions' },
  { to: '/rules', name: 'Rules', key: 'r', icon: 'rules' },
  { to: '/health', name: 'Health', key: 'e', icon: 'health' },
  { to: '/settings', name: 'Settings', key: 's', icon: 'settings' },
] as const satisfies readonly { to: string; name: string; key: string; icon: IconName }[];
