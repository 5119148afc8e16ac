// The whole of it: a lab of two network namespaces, `ratel up` in the host's, attacks from the other, a browser that walks every
// page, pictures of them. sudo node e2e/run.mjs [--ratel PROGRAM] [--pictures FOLDER] [--events FILE.json.zst]
// With --events it is measured instead how pages fare with so many of them.
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withChecksums } from './checksums.mjs';
import { writeCountries } from './countries.mjs';
import * as lab from './lab.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : otherwise;
};
const program = resolve(option('--ratel', here('../../target/debug/ratel')));
const pictures = option('--pictures', null);
const events = option('--events', null);
const URL_OF_RATEL = process.env.E2E_URL ?? 'https://127.0.0.1:9443';
const OWN = 'a password of their own, long';
/** Rules are compiled, the store is opened, a certificate is made. */
const START_MS = 90_000;
/** Roles are given ten seconds to stop; then the system's service manager would kill them. */
const STOP_MS = 20_000;
const BUSY_MS = 150_000;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const why = lab.missing();
if (why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'ratel-web-'));
const config = {
  data_dir: join(folder, 'data'),
  events_file: join(folder, 'eve.json'),
  sensor: { interfaces: ['rweb0'], workers: 1, ring: { hand_over_ms: 2 } },
  rules: { files: [join(folder, 'lab.rules')] },
  bus: { dir: join(folder, 'bus') },
  store: { dir: join(folder, 'store') },
  state: { url: `sqlite://${join(folder, 'state.db')}` },
  respond: { mode: 'enforce', playbooks: [here('lab.playbooks.yaml')] },
  alert: {
    home: [lab.HOST_IP],
    assets: join(folder, 'assets.yaml'),
    receivers: [{ name: 'soc', webhook: { url: `http://127.0.0.1:${lab.HOOK_PORT}/incidents` } }],
    ...JSON.parse(process.env.LAB_ALERT ?? '{}'),
  },
  console: {
    socket: join(folder, 'ratel.sock'),
    web: { listen: '127.0.0.1:9443', countries: join(folder, 'countries.mmdb') },
  },
  ...JSON.parse(process.env.LAB_CONFIG ?? '{}'),
};
writeFileSync(join(folder, 'assets.yaml'), readFileSync(here('lab.assets.yaml')));
writeFileSync(join(folder, 'lab.rules'), readFileSync(here('lab.rules')));
const HOMES = ['NL', 'BR', 'US', 'VN', 'DE', 'IN', 'FR', 'ID', 'SE', 'US', 'BR', 'DE'];
writeCountries(
  join(folder, 'countries.mmdb'),
  Object.fromEntries(lab.ATTACKERS.map((address, i) => [address, HOMES[i]])),
);
// JSON is YAML.
writeFileSync(join(folder, 'ratel.yaml'), JSON.stringify(config, null, 1));

/** The password that is told once, on the way to the terminal. */
async function firstPassword(log) {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    const text = readFileSync(log, 'utf8');
    const found = /password[^\n]*?[:=]?\s([a-z0-9]{3,}(?:-[a-z0-9]{3,}){2,})/i.exec(text);
    if (found) return found[1];
    await wait(200);
  }
  throw new Error(`no first password within ${START_MS} ms; see ${log}`);
}

/** Until the dashboard is served, by the binary itself unless something stands before it. */
async function isReady() {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    const page = await lab
      .run(lab.HOST, 'curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `${URL_OF_RATEL}/`])
      .catch(() => '');
    if (page === '200') return;
    await wait(200);
  }
  throw new Error(`Ratel was not ready within ${START_MS} ms`);
}

const children = [];
const quiet = { stdio: ['ignore', 'ignore', 'ignore'] };
const keep = (child) => {
  children.push(child);
  return child;
};
const ended = (child) => new Promise((done) => child.once('close', done));
const stop = (signal) => {
  for (const child of children) child.kill(signal);
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    stop('SIGKILL');
    lab.tearDown();
    process.exit(1);
  });

const log = join(folder, 'ratel.log');
const up = () => {
  const out = openSync(log, 'a');
  return keep(
    lab.start(lab.HOST, program, ['up', '-c', join(folder, 'ratel.yaml')], {
      stdio: ['ignore', out, out],
      env: { ...process.env, RUST_LOG: 'info' },
    }),
  );
};
let ratel;

async function restart() {
  const begun = Date.now();
  const gone = ended(ratel);
  ratel.kill('SIGTERM');
  await Promise.race([gone, wait(STOP_MS)]);
  const stopped = Date.now() - begun;
  // Long enough for a page to say that nobody is there: short interruptions are not worth a line.
  await wait(6000);
  ratel = up();
  await isReady();
  return { stopped, away: Date.now() - begun };
}

/** Runs one of our scripts beside Ratel to its end; it may ask for things that only we can do. */
function script(name, args) {
  const child = keep(
    lab.start(lab.HOST, 'node', [here(name), URL_OF_RATEL, 'admin', ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, LAB: '1' },
    }),
  );
  child.on('message', (asked) => {
    if (asked === 'restart') void restart().then((done) => child.connected && child.send(done));
  });
  return ended(child);
}

/** What crosses the link while it is attacked: once with right checksums, once with wrong ones. */
async function record() {
  const raw = join(folder, 'raw.pcap');
  const recording = keep(lab.start(lab.HOST, 'dumpcap', ['-q', '-P', '-i', 'rweb0', '-w', raw], quiet));
  await wait(2500);
  await lab.run(lab.ATTACKER, 'node', [here('attack.mjs'), 'log4shell', lab.ATTACKERS[9], lab.HOST_IP]);
  await wait(1000);
  const over = ended(recording);
  recording.kill('SIGINT');
  await over;
  const [right, wrong] = ['right.pcap', 'wrong.pcap'].map((name) => join(folder, name));
  withChecksums(raw, right, true);
  withChecksums(raw, wrong, false);
  return [right, wrong];
}

/** Attacks without an order for some minutes, so that pictures have something to show. */
async function busy() {
  const end = Date.now() + BUSY_MS;
  const kinds = ['scan', 'log4shell', 'guess', 'sqli', 'tunnel', 'beacon'];
  for (let i = 0; Date.now() < end; i++) {
    const from = lab.ATTACKERS[(i * 5) % 9];
    await lab.run(lab.ATTACKER, 'node', [
      here('attack.mjs'),
      kinds[(i * 7 + (i >> 2)) % kinds.length],
      from,
      lab.HOST_IP,
    ]);
    await wait(1500 + 5000 * Math.random());
  }
}

let status = 1;
try {
  lab.build();
  if (events) {
    const begun = Date.now();
    await lab.run(lab.HOST, program, ['store', 'import', resolve(events), '-c', join(folder, 'ratel.yaml')]);
    console.log(`imported within ${Math.round((Date.now() - begun) / 1000)} s`);
  }
  keep(lab.start(lab.HOST, 'node', [here('services.mjs')], quiet));
  // Something before Ratel, such as a proxy that serves another build of the dashboard.
  if (process.env.E2E_FRONT) keep(lab.start(lab.HOST, 'node', [process.env.E2E_FRONT], quiet));
  ratel = up();
  const password = await firstPassword(log);
  await isReady();
  if (events) {
    status = await script('many.mjs', [password]);
  } else {
    // What everybody does.
    keep(
      lab.start(lab.ATTACKER, 'node', [here('attack.mjs'), 'crowd', lab.ATTACKERS[11], lab.HOST_IP], quiet),
    );
    const captures = await record();
    status = await script('walk.mjs', [password, ...captures]);
    if (pictures) {
      await busy();
      mkdirSync(pictures, { recursive: true });
      await script('pictures.mjs', [OWN, resolve(pictures), ...captures]);
    }
  }
} catch (error) {
  console.log(String(error.message ?? error));
} finally {
  stop('SIGTERM');
  await Promise.race([ratel ? ended(ratel) : null, wait(4000)]);
  stop('SIGKILL');
  lab.tearDown();
  if (status === 0 && !process.env.E2E_KEEP) rmSync(folder, { recursive: true, force: true });
  else console.log(`what Ratel said is in ${folder}`);
}
process.exit(status ?? 1);
