// A server that answers like Ratel, with made-up attacks: for working on the dashboard, never shipped.
// It serves web/dist too, under the policy that Ratel uses. node dev/mock.mjs [PORT]
import { createServer } from 'node:http';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as data from './mock-data.mjs';

const PORT = Number(process.argv[2] ?? 9480);
const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const session = {
  access_token: 'mock',
  expires_in: 900,
  user: { name: 'ana', role: 'admin', must_change_password: false, via: 'session' },
};
const COOKIE = 'ratel_refresh=mock; HttpOnly; SameSite=Strict; Path=/api/v1/auth';
const streams = new Set();

const json = (response, body, status = 200, headers = {}) => {
  response.writeHead(status, {
    'content-type': status >= 400 ? 'application/problem+json' : 'application/json',
    ...headers,
  });
  response.end(body === undefined ? '' : JSON.stringify(body));
};
const problem = (response, status, title, detail, more = {}) =>
  json(response, { type: 'about:blank', title, status, detail, ...more }, status);

function tell(event, body) {
  for (const stream of streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(body)}\n\n`);
}

function page(list, query) {
  const limit = Number(query.get('limit') ?? 100);
  const from = Number(query.get('cursor') ?? 0);
  const next = from + limit < list.length ? String(from + limit) : null;
  return { items: list.slice(from, from + limit), next };
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const routes = [
  [
    'GET',
    /^auth\/methods$/,
    (r) => json(r, { password: true, oidc: { name: 'Keycloak', start: '/api/v1/auth/oidc/start' } }),
  ],
  [
    'POST',
    /^auth\/refresh$/,
    (r, _m, _q, request) =>
      request.headers.cookie?.includes('ratel_refresh=mock')
        ? json(r, session)
        : problem(r, 401, 'Unauthorized', 'no session'),
  ],
  [
    'POST',
    /^auth\/login$/,
    async (r, _m, _q, request) => {
      const { password } = await bodyOf(request);
      if (password !== 'ratel') return problem(r, 401, 'Unauthorized', 'wrong');
      return json(r, session, 200, { 'set-cookie': COOKIE });
    },
  ],
  [
    'POST',
    /^auth\/logout$/,
    (r) => json(r, undefined, 204, { 'set-cookie': COOKIE.replace('mock', 'none') }),
  ],
  ['POST', /^auth\/password$/, (r) => json(r, session)],
  ['GET', /^overview$/, (r, _m, q) => json(r, data.overview(q.get('since') ?? '1h'))],
  ['GET', /^events$/, events],
  ['GET', /^events\/fields$/, (r) => json(r, data.FIELDS)],
  ['GET', /^events\/values$/, (r, _m, q) => json(r, data.values(q.get('field'), q.get('prefix') ?? ''))],
  [
    'GET',
    /^events\/histogram$/,
    (r, _m, q) => json(r, data.histogram(Number(q.get('buckets') ?? 60), q.get('q'))),
  ],
  [
    'GET',
    /^events\/([\w-]+)\/pcap$/,
    (r) => (
      r.writeHead(200, { 'content-type': 'application/vnd.tcpdump.pcap' }),
      r.end(Buffer.from('d4c3b2a1', 'hex'))
    ),
  ],
  ['GET', /^events\/([\w-]+)$/, (r, m) => json(r, data.event(m[1]))],
  ['GET', /^events\/([\w-]+)\/context$/, (r, m) => json(r, data.context(m[1]))],
  [
    'GET',
    /^incidents$/,
    (r, _m, q) =>
      json(
        r,
        page(
          data.incidents.filter(
            (i) =>
              (!q.get('status') || q.get('status') === i.status) &&
              (!q.get('severity') || q.get('severity') === i.incident.severity) &&
              (!q.get('owner') || q.get('owner') === i.owner),
          ),
          q,
        ),
      ),
  ],
  [
    'GET',
    /^incidents\/(\w+)$/,
    (r, m) => withIncident(r, m[1], (i) => json(r, i, 200, { etag: `"${i.version}"` })),
  ],
  [
    'PATCH',
    /^incidents\/(\w+)$/,
    (r, m, _q, request) =>
      withIncident(r, m[1], async (i) => {
        const change = await bodyOf(request);
        if (change.status) i.status = change.status;
        if ('owner' in change) i.owner = change.owner || null;
        if (change.why) i.closed_why = change.why;
        i.version += 1;
        json(r, i, 200, { etag: `"${i.version}"` });
      }),
  ],
  [
    'POST',
    /^incidents\/(\w+)\/notes$/,
    (r, m, _q, request) =>
      withIncident(r, m[1], async (i) => {
        const { text } = await bodyOf(request);
        i.notes.push({ id: String(i.notes.length), author: 'ana', time: new Date().toISOString(), text });
        json(r, i.notes.at(-1), 201);
      }),
  ],
  ['GET', /^incidents\/(\w+)\/events$/, (r, m, q) => events(r, m, q)],
  ['GET', /^incidents\/(\w+)\/timeline$/, (r, m) => withIncident(r, m[1], (i) => json(r, data.timeline(i)))],
  ['GET', /^silences$/, (r, _m, q) => json(r, page(data.silences, q))],
  [
    'POST',
    /^silences\/preview$/,
    async (r, _m, _q, request) => {
      const { query } = await bodyOf(request);
      if (query.includes('(('))
        return problem(r, 400, 'Bad Request', 'a bracket is not closed', { at: query.indexOf('((') });
      return json(r, {
        would_hide: 412,
        of: 430,
        days: 7,
        sample: data.page(0, 3).items,
        incidents: ['i1', 'i2'],
      });
    },
  ],
  [
    'POST',
    /^silences$/,
    async (r, _m, _q, request) => {
      const made = {
        id: String(Date.now()),
        created: new Date().toISOString(),
        owner: 'ana',
        active: true,
        ...(await bodyOf(request)),
      };
      data.silences.unshift(made);
      json(r, made, 201);
    },
  ],
  [
    'DELETE',
    /^silences\/(\w+)$/,
    (r, m) => {
      const found = data.silences.find((s) => s.id === m[1]);
      if (found) found.active = false;
      json(r, undefined, 204);
    },
  ],
  ['GET', /^receivers$/, (r) => json(r, data.receivers)],
  ['POST', /^receivers\/(\w+)\/test$/, (r) => json(r, { delivered: true, detail: '200 OK', took_ms: 84 })],
  ['GET', /^queries$/, (r, _m, q) => json(r, page(data.queries, q))],
  [
    'POST',
    /^queries$/,
    async (r, _m, _q, request) => {
      data.queries.push({ id: String(Date.now()), owner: 'ana', ...(await bodyOf(request)) });
      json(r, data.queries.at(-1), 201);
    },
  ],
  [
    'DELETE',
    /^queries\/(\w+)$/,
    (r, m) => (
      data.queries.splice(
        data.queries.findIndex((q) => q.id === m[1]),
        1,
      ),
      json(r, undefined, 204)
    ),
  ],
  ['GET', /^hosts$/, (r, _m, q) => json(r, page(data.hosts, q))],
  ['GET', /^hosts\/(.+)$/, (r, m) => json(r, data.host(decodeURIComponent(m[1])))],
  [
    'GET',
    /^actions$/,
    (r, _m, q) =>
      json(
        r,
        page(
          data.actions.filter(
            (a) =>
              !q.get('state') ||
              a.state === q.get('state') ||
              (q.get('state') === 'in_force' && ['effective', 'ineffective', 'executed'].includes(a.state)),
          ),
          q,
        ),
      ),
  ],
  [
    'GET',
    /^actions\/(\w+)$/,
    (r, m) => {
      const found = data.actions.find((a) => a.id === m[1]);
      return found ? json(r, found) : problem(r, 404, 'Not Found', `there is no action ${m[1]}`);
    },
  ],
  [
    'POST',
    /^actions\/(\w+)\/(undo|approve)$/,
    (r, m) => {
      const found = data.actions.find((a) => a.id === m[1]);
      Object.assign(
        found,
        m[2] === 'undo' ? { state: 'undone', cause: 'ana', evidence: undefined } : { state: 'executed' },
        { changed: new Date().toISOString() },
      );
      tell('action', found);
      json(r, { order: 'o1', who: 'ana', settled: true, note: null, actions: [found] });
    },
  ],
  [
    'POST',
    /^blocks$/,
    async (r, _m, _q, request) => {
      const { target, ttl_secs, why } = await bodyOf(request);
      const refused = target.startsWith('10.0.0.1');
      const made = data.action(
        target,
        refused
          ? { state: 'refused', cause: `${target} is protected: it is the default gateway` }
          : { state: 'effective' },
        { reason: why, person: 'ana' },
        ttl_secs,
      );
      data.actions.unshift(made);
      tell('action', made);
      json(r, { order: 'o2', who: 'ana', settled: true, note: null, actions: [made] });
    },
  ],
  [
    'GET',
    /^rules$/,
    (r, _m, q) => {
      const list = data.rules.filter(
        (rule) =>
          (!q.get('state') || rule.state === q.get('state')) &&
          (!q.get('q') || (rule.msg + rule.sid).toLowerCase().includes(q.get('q').toLowerCase())),
      );
      const by_state = { loaded: 0, degraded: 0, refused: 0, disabled: 0 };
      for (const rule of data.rules) by_state[rule.state] += 1;
      const cost = { checks: 4_812_000, matches: 9100, nanos: 24e9 };
      json(r, { ...page(list, q), total: list.length, by_state, cost, generation: 3 });
    },
  ],
  ['POST', /^rules\/reload$/, (r) => json(r, { note: '48,812 rules are in force.' })],
  [
    'POST',
    /^rules\/test$/,
    (r) =>
      json(r, {
        packets: 1204,
        loaded: 1,
        refused: [],
        total: 2,
        alerts: [data.event('0').event, data.event('1').event],
        took_ms: 31,
        wrong_checksums: 0,
        error: null,
      }),
  ],
  [
    'GET',
    /^rules\/(\d+)$/,
    (r, m) => json(r, data.rules.find((rule) => rule.sid === Number(m[1])) ?? data.rules[0]),
  ],
  [
    'PATCH',
    /^rules\/(\d+)$/,
    async (r, m, _q, request) => {
      const rule = data.rules.find((each) => each.sid === Number(m[1]));
      const body = await bodyOf(request);
      rule.overlay = {
        enabled: true,
        thresholds: [],
        owner: 'ana',
        expires: null,
        changed: new Date().toISOString(),
        ...body,
      };
      rule.state = body.enabled === false ? 'disabled' : 'loaded';
      json(r, rule);
    },
  ],
  [
    'POST',
    /^captures$/,
    async (r, _m, q, request) => {
      await bodyOf(request);
      json(
        r,
        {
          id: q.get('checksums') === 'none' ? 'c2' : 'c1',
          state: 'reading',
          packets: 0,
          events: 0,
          alerts: 0,
        },
        202,
      );
    },
  ],
  [
    'GET',
    /^captures\/(\w+)$/,
    (r, m) =>
      json(r, {
        id: m[1],
        name: 'office.pcap',
        state: 'done',
        checksums: m[1] === 'c2' ? 'none' : 'all',
        wrong_checksums: m[1] === 'c2' ? 0 : 611,
        packets: 1204,
        events: 318,
        alerts: 12,
        error: null,
        query: `ratel.capture:${m[1]}`,
      }),
  ],
  ['GET', /^status$/, (r) => json(r, data.status())],
  [
    'GET',
    /^health\/storage$/,
    (r) =>
      json(r, {
        readers: [
          { group: 'store', topic: 'events', behind: 18_204 },
          { group: 'alert', topic: 'events', behind: 12 },
          { group: 'respond', topic: 'events', behind: 0 },
        ],
        rooms: [
          {
            what: 'events',
            folder: '/var/lib/ratel/store',
            used: 41e9,
            disk: '8:1',
            free: 310e9,
            size: 480e9,
          },
          {
            what: 'topics',
            folder: '/var/lib/ratel/bus',
            used: 2.1e9,
            disk: '8:1',
            free: 310e9,
            size: 480e9,
          },
          {
            what: 'packets',
            folder: '/var/lib/ratel/pcap',
            used: 0.4e9,
            disk: '8:1',
            free: 310e9,
            size: 480e9,
          },
          { what: 'data', folder: '/var/lib/ratel', used: 0.1e9, disk: '8:1', free: 310e9, size: 480e9 },
        ],
        events: {
          events: 310e6,
          bytes_in: 390e9,
          bytes: 41e9,
          oldest: new Date(Date.now() - 2e9).toISOString(),
          scarce: null,
        },
      }),
  ],
  ['GET', /^health\/series$/, (r, _m, q) => json(r, data.series((q.get('metric') ?? '').split(',')))],
  ['GET', /^users$/, (r, _m, q) => json(r, page(data.users, q))],
  [
    'POST',
    /^users$/,
    async (r, _m, _q, request) => {
      const user = {
        must_change_password: true,
        disabled: false,
        created: new Date().toISOString(),
        last_login: null,
        ...(await bodyOf(request)),
      };
      data.users.push(user);
      json(r, { ...user, one_time_password: 'plum-garden-seven-otters' }, 201);
    },
  ],
  [
    'PATCH',
    /^users\/(\w+)$/,
    async (r, m, _q, request) =>
      json(
        r,
        Object.assign(
          data.users.find((u) => u.name === m[1]),
          await bodyOf(request),
        ),
      ),
  ],
  ['GET', /^tokens$/, (r, _m, q) => json(r, page(data.tokens, q))],
  [
    'POST',
    /^tokens$/,
    async (r, _m, _q, request) => {
      const token = {
        id: String(Date.now()),
        owner: 'ana',
        created: new Date().toISOString(),
        last_used: null,
        ...(await bodyOf(request)),
        expires: new Date(Date.now() + 9e9).toISOString(),
      };
      data.tokens.push(token);
      json(r, { ...token, secret: 'rtl_4fz1c0Xe6mF0b3Yw2mJkQ' }, 201);
    },
  ],
  ['DELETE', /^(tokens|users)\/(\w+)$/, (r) => json(r, undefined, 204)],
];

function withIncident(response, id, use) {
  const found = data.incidents.find((each) => each.incident.id === id);
  return found ? use(found) : problem(response, 404, 'Not Found', `there is no incident ${id}`);
}

function events(response, _match, query) {
  const q = query.get('q') ?? '';
  if (q.includes('((') || q.endsWith(':'))
    return problem(response, 400, 'Bad Request', 'a value is missing', {
      at: q.length - 1,
      reason: 'a value is missing',
    });
  json(response, data.page(Number(query.get('cursor') ?? 0), Number(query.get('limit') ?? 100), q));
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://mock');
  response.setHeader('content-security-policy', CSP);
  if (url.pathname === '/api/v1/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    streams.add(response);
    return request.on('close', () => streams.delete(response));
  }
  if (url.pathname.startsWith('/api/v1/')) {
    const path = url.pathname.slice(8);
    for (const [method, pattern, act] of routes) {
      const match = request.method === method && pattern.exec(path);
      if (match) return void act(response, match, url.searchParams, request);
    }
    return problem(response, 404, 'Not Found', `${request.method} ${path} is not mocked`);
  }
  const file = join(DIST, normalize(url.pathname));
  const found =
    file.startsWith(DIST) && existsSync(file) && statSync(file).isFile() ? file : join(DIST, 'index.html');
  response.writeHead(200, { 'content-type': TYPES[extname(found)] ?? 'application/octet-stream' });
  createReadStream(found).pipe(response);
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}, any name, password ratel`));

let count = 0;
setInterval(() => {
  tell('stats', data.stats());
  tell('event', data.fresh(count++));
}, 2000).unref();
