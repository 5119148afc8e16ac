// What the API says, as the pages use it.

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'informational'] as const;
export type Severity = (typeof SEVERITIES)[number];
export type Status = 'open' | 'acknowledged' | 'closed';
export type Role = 'ingest' | 'viewer' | 'analyst' | 'responder' | 'admin';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
export type Eve = { [key: string]: Json | undefined };

export interface Page<T> {
  items: T[];
  next?: string | null;
}

export interface User {
  name: string;
  role: Role;
  must_change_password?: boolean;
  disabled?: boolean;
  created?: string;
  last_login?: string | null;
}

export interface Session {
  access_token: string;
  expires_in: number;
  user: User;
}

export interface Hit {
  id: string;
  time: string;
  event: Eve;
}

export interface Events extends Page<Hit> {
  total: number;
  total_is_exact: boolean;
  took_ms: number;
}

export interface Histogram {
  interval_secs: number;
  buckets: { time: string; total: number; by_type: Record<string, number> }[];
}

export interface Context {
  rule: Rule | null;
  flow: Hit | null;
  transactions: Hit[];
  alerts: Hit[];
  incident: IncidentRecord | null;
}

export interface Field {
  path: string;
  kind: string;
}

export interface Counted {
  value: string;
  count: number;
}

export interface Party {
  address: string;
  events: number;
  asset?: string | null;
}

export interface Tactic {
  id: string;
  name: string;
  first: string;
  techniques: { id: string; name: string }[];
}

export interface IncidentSignature {
  id: string;
  text: string;
  severity: Severity;
  events: number;
  first: string;
  last: string;
}

export interface Incident {
  id: string;
  fingerprint: string;
  kind: 'attack' | 'correlation' | 'response' | 'storm';
  title: string;
  severity: Severity;
  status: Status;
  first: string;
  last: string;
  opened: string;
  changed: string;
  revision: number;
  events: number;
  attackers: Party[];
  victims: Party[];
  signatures: IncidentSignature[];
  tactics: Tactic[];
  sensors: string[];
  actions: string[];
  sample: string[];
  query: string;
}

export interface Note {
  id: string;
  author: string;
  time: string;
  text: string;
}

export interface IncidentRecord {
  incident: Incident;
  owner: string | null;
  /** What people said, else what the incident says. */
  status: Status;
  closed_why: string | null;
  version: number;
  notes?: Note[];
  silences?: Silence[];
}

export interface Step {
  time: string;
  kind: 'event' | 'action' | 'note' | 'status' | 'notification';
  tactic?: string | null;
  text: string;
  severity?: Severity | null;
  ref?: string | null;
}

export interface Silence {
  id: string;
  query: string;
  kind: 'silence' | 'suppress';
  reason: string;
  owner: string;
  created: string;
  expires: string;
  active?: boolean;
}

export interface Preview {
  would_hide: number;
  of: number;
  sample: Hit[];
  incidents: string[];
}

export interface Connection {
  proto: string;
  peer: string;
  local: string;
}

export interface Action {
  id: string;
  step: 'block' | 'rate_limit' | 'drop_connection' | 'redirect' | 'quarantine';
  target?: string;
  connection?: Connection;
  packets_per_second?: number;
  burst?: number;
  to?: string;
  port?: number;
  ttl_secs: number;
  mode: 'observe' | 'ask' | 'enforce';
  why: {
    reason?: string;
    playbook?: string;
    feed?: string;
    event?: string;
    incident?: string;
    signature_id?: number;
    flow_id?: number;
    person?: string;
    trigger?: { packet?: string; published?: string; read?: string };
  };
  returned?: number;
  state: ActionState;
  cause?: string;
  failure?: string;
  evidence?: {
    held_by?: string[];
    packets_stopped?: number;
    packets_arrived?: number | null;
    connections_ended?: number;
  };
  planned: string;
  executed?: string;
  ends: string;
  changed: string;
  undo?: { firewall?: string; takes?: string[]; keeps?: string[] };
}

export type ActionState =
  | 'planned'
  | 'refused'
  | 'awaiting_approval'
  | 'executed'
  | 'effective'
  | 'ineffective'
  | 'unknown'
  | 'expired'
  | 'undone';

export interface RoleHealth {
  role: string;
  state: 'starting' | 'running' | 'degraded' | 'failed' | 'stopped';
  since?: string;
  restarts?: number;
  detail?: string;
}

export interface Overview {
  since: string;
  now: string;
  /** Rates a second. */
  traffic: { time: string; packets: number; bytes: number; dropped?: number }[];
  interval_secs: number;
  /** By EVE's severity, `1` is the worst. */
  alerts: { time: string; total: number; by_severity: Record<string, number> }[];
  alerts_total: number;
  events_total: number;
  top: {
    sources: Counted[];
    destinations: Counted[];
    signatures: SignatureCount[];
    countries: Counted[];
    protocols: Counted[];
  };
  incidents: {
    open_by_severity: Partial<Record<Severity, number>>;
    acknowledged_by_severity?: Partial<Record<Severity, number>>;
  };
  roles: RoleHealth[];
  drops: { packets: number; dropped: number; by_stage: Record<string, number> };
  actions: Record<string, number>;
  missing?: string[];
}

export interface SignatureCount {
  signature_id: number;
  signature: string;
  count: number;
}

export interface Host {
  address: string;
  asset: Asset | null;
  country?: string | null;
  first: string;
  last: string;
  events: number;
  alerts: number;
  bytes: number;
}

export interface Asset {
  name: string;
  role?: string | null;
  criticality?: string | null;
}

export interface Peer {
  address: string;
  country?: string | null;
  events: number;
  alerts: number;
  bytes: number;
  last: string;
}

export interface HostDetail extends Host {
  peers: Peer[];
  services: { port: number; proto: string; app_proto?: string | null; events: number }[];
  names: Counted[];
  alerts_by_signature: SignatureCount[];
}

export type RuleState = 'loaded' | 'degraded' | 'refused' | 'disabled';

export interface Rule {
  sid: number | null;
  gid: number;
  rev: number;
  msg: string;
  state: RuleState;
  reasons: string[];
  text: string;
  file: string;
  line: number;
  classtype?: string | null;
  priority: number;
  hits?: number;
  last_hit?: string | null;
  /** Times that it was evaluated, and what that took, where the sensor counts it. */
  checks?: number | null;
  cost_ns?: number | null;
  overlay?: Overlay | null;
}

export interface Limit {
  kind: 'suppress' | 'limit' | 'threshold' | 'both';
  track: 'by_src' | 'by_dst' | 'by_either';
  address?: string | null;
  count?: number | null;
  seconds?: number | null;
}

export interface Overlay {
  enabled: boolean;
  thresholds: Limit[];
  owner: string;
  reason: string;
  expires: string | null;
  changed: string;
}

export interface Rules extends Page<Rule> {
  total: number;
  by_state: Record<RuleState, number>;
  generation: number;
}

export interface RuleTest {
  packets: number;
  loaded: number;
  refused: { line: number; column: number; sid: number | null; reason: string }[];
  total: number;
  alerts: Eve[];
  took_ms: number;
  error: string | null;
}

export interface Receiver {
  name: string;
  kind: string;
  healthy: boolean;
  pending: number;
  delivered: number;
  failed: number;
  last_error: string | null;
  last_delivery: string | null;
}

export interface ReceiverTest {
  delivered: boolean;
  detail: string;
  took_ms: number;
}

export interface StatusReport {
  version: string;
  pid: number;
  started: string;
  now: string;
  ready: boolean;
  roles: RoleHealth[];
  actions: Record<string, number>;
  events: Record<string, number>;
  counters: Record<string, number>;
  bouncers: { name: string; address: string; agent: string; last_pull: string }[];
}

export interface SeriesAnswer {
  interval_secs: number;
  metrics: string[];
  series: Record<string, { time: string; rate: number; value: number }[]>;
}

export interface Ordered {
  order: string;
  who: string;
  settled: boolean;
  note: string | null;
  actions: Action[];
}

export interface SavedQuery {
  id: string;
  name: string;
  query: string;
  owner?: string;
  shared?: boolean;
}

export interface ApiToken {
  id: string;
  name: string;
  role: Role;
  owner?: string;
  created: string;
  expires?: string | null;
  last_used?: string | null;
  secret?: string;
}

export interface Capture {
  id: string;
  state: 'waiting' | 'reading' | 'done' | 'failed';
  name?: string | null;
  query?: string;
  packets: number;
  events: number;
  alerts: number;
  error?: string | null;
}
