// An action in a few words, and the state of it.
import type { Action, ActionState as State } from '@/api/types';
import { Tag, words, type Tone } from './tag';

export const STATE_TONE: Record<State, Tone> = {
  planned: 'plain',
  refused: 'warn',
  awaiting_approval: 'warn',
  executed: 'plain',
  effective: 'good',
  ineffective: 'bad',
  unknown: 'warn',
  expired: 'plain',
  undone: 'plain',
};

export const targetOf = (action: Action): string => action.target ?? action.connection?.peer ?? '';

export function whatOf(action: Action): string {
  switch (action.step) {
    case 'block':
      return `Block ${action.target}`;
    case 'rate_limit':
      return `Limit ${action.target} to ${action.packets_per_second} packets/s`;
    case 'drop_connection':
      return `End ${action.connection?.proto} ${action.connection?.peer} – ${action.connection?.local}`;
    case 'redirect':
      return `Lead ${action.target} to ${action.to}${action.port ? `:${action.port}` : ''}`;
    case 'quarantine':
      return `Quarantine ${action.target}`;
    default:
      return `${words(action.step)} ${targetOf(action)}`;
  }
}

/** In force: the firewall holds it, so it can be undone. */
export function isInForce(action: Action): boolean {
  return (
    ['executed', 'effective', 'ineffective', 'unknown'].includes(action.state) ||
    (action.state === 'planned' && action.mode === 'enforce')
  );
}

export function ActionState({ action }: { action: Action }) {
  const told = action.state === 'planned' && action.mode === 'observe' ? 'told only' : words(action.state);
  return (
    <Tag tone={STATE_TONE[action.state] ?? 'plain'} title={action.cause}>
      {told}
    </Tag>
  );
}
