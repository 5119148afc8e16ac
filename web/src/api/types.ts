// What the API says, by the names that the pages use. All of it comes from the API's own description; `npm run types`
// makes schema.d.ts of it. Only EVE records, which are open, have a shape of ours: JSON.
import type { components } from './schema';

type Schemas = components['schemas'];

export const SEVERITIES = [
  'critical',
  'high',
  'medium',
  'low',
  'informational',
] as const satisfies readonly Severity[];
export type Severity = Schemas['Severity'];
export type Status = Schemas['IncidentStatus'];
export type Role = Schemas['Role'];
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
export type Eve = { [key: string]: Json | undefined };

export interface Page<T> {
  items: T[];
  next?: string | null;
}

/** The same with open records. */
type Open<T> = Omit<T, 'event'> & { event: Eve };

export type User = Schemas['User'];
export type Me = Schemas['Me'];
export type Session = Schemas['Session'];
export type Methods = Schemas['Methods'];

export type Hit = Open<Schemas['Event']>;
export type Events = Omit<Schemas['EventPage'], 'items'> & { items: Hit[] };
export type Histogram = Schemas['Histogram'];
export type Field = Schemas['Field'];
export type Counted = Schemas['ValueCount'];
export type SignatureCount = Schemas['SignatureCount'];
export type Context = Omit<Schemas['EventContext'], 'alerts' | 'flow' | 'transactions'> & {
  alerts: Hit[];
  flow?: Hit | null;
  transactions: Hit[];
};

export type Party = Schemas['Party'];
export type Tactic = Schemas['Tactic'];
export type Incident = Schemas['Incident'];
export type IncidentRecord = Schemas['IncidentView'];
export type IncidentFull = Schemas['IncidentDetail'];
export type Note = Schemas['Note'];
export type Step = Schemas['Happening'];

export type Silence = Schemas['Silence'];
export type Preview = Omit<Schemas['Preview'], 'sample'> & { sample: Hit[] };

/** With the inner records that the description leaves open. */
export type Action = Omit<Schemas['Action'], 'undo' | 'why'> & {
  undo?: { firewall?: string; takes?: string[]; keeps?: string[] };
  why: Omit<Schemas['Why'], 'trigger'> & { trigger?: { packet?: string; published?: string; read?: string } };
};
export type ActionState = Schemas['ActionState'];
export type Ordered = Omit<Schemas['Ordered'], 'actions'> & { actions: Action[] };

export type Overview = Schemas['Overview'];
export type RoleHealth = Schemas['RoleHealth'];
export type StatusReport = Schemas['StatusView'];
export type Storage = Schemas['Storage'];
export type Room = Schemas['Room'];
export type SeriesAnswer = Schemas['Series'];

export type Host = Schemas['Host'];
export type HostDetail = Schemas['HostDetail'];
export type Peer = Schemas['Peer'];

export type Rule = Schemas['RuleView'];
export type RuleCost = Schemas['RuleCost'];
export type RuleState = Schemas['RuleState'];
export type Limit = Schemas['Limit'];
export type Rules = Omit<Schemas['RulePage'], 'items'> & { items: Rule[] };
export type RuleTest = Omit<Schemas['RuleTest'], 'alerts'> & { alerts: Eve[] };

export type Receiver = Schemas['Receiver'];
export type ReceiverTest = Schemas['ReceiverTest'];
export type SavedQuery = Schemas['SavedQuery'];
export type ApiToken = Schemas['Token'];
export type NewToken = Schemas['NewTokenMade'];
export type NewUser = Schemas['NewUserMade'];
export type Capture = Schemas['Capture'];
