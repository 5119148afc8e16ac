// The whole of it: a lab of two network namespaces, `ratel up` in the host's, attacks from the other, a browser that walks every
// page, pictures of them. sudo node e2e/run.mjs [--ratel PROGRAM] [--pictures FOLDER]
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as lab from './lab.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : otherwise;
};
const program = resolve(option('--ratel', here('../../target/debug/ratel')));
const pictures = option('--pictures', null);
const URL_OF_RATEL = process.env.E2E_URL ?? 'https://127.0.0.1:9443';
/** Rules are compiled, the store is opened, a certificate is made. */
const START_MS = 90_000;
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
    ...JSON.parse(process.env.LAB_ALERT ?? '{}'),
  },
  console: { socket: join(folder, 'ratel.sock'), web: { listen: '127.0.0.1:9443' } },
  ...JSON.parse(process.env.LAB_CONFIG ?? '{}'),
};
writeFileSync(join(folder, 'assets.yaml'), readFileSync(here('lab.assets.yaml')));
writeFileSync(join(folder, 'lab.rules'), readFileSync(here('lab.rules')));
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

async function isReady() {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    const said = await lab
      .run(lab.HOST, 'curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `${URL_OF_RATEL}/readyz`])
      .catch(() => '');
    const page = await lab
      .run(lab.HOST, 'curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `${URL_OF_RATEL}/`])
      .catch(() => '');
    if (said === '200' || page === '200') return;
    await wait(300);
  }
  throw new Error(`Ratel was not ready within ${START_MS} ms`);
}

const children = [];
const stop = (signal) => {
  for (const child of children) child.kill(signal);
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    stop('SIGKILL');
    lab.tearDown();
    process.exit(1);
  });
let status = 1;
try {
  lab.build();
  const log = join(folder, 'ratel.log');
  const out = openSync(log, 'a');
  const quiet = { stdio: ['ignore', 'ignore', 'ignore'] };
  children.push(lab.start(lab.HOST, 'node', [here('services.mjs')], quiet));
  // Something before Ratel, such as a proxy that serves another build of the dashboard.
  if (process.env.E2E_FRONT) children.push(lab.start(lab.HOST, 'node', [process.env.E2E_FRONT], quiet));
  const ratel = lab.start(lab.HOST, program, ['up', '-c', join(folder, 'ratel.yaml')], {
    stdio: ['ignore', out, out],
    env: { ...process.env, RUST_LOG: 'info' },
  });
  children.push(ratel);
  const password = await firstPassword(log);
  await isReady();
  // What everybody does, and a capture of a piece of it to be dropped on a page.
  children.push(
    lab.start(lab.ATTACKER, 'node', [here('attack.mjs'), 'crowd', lab.ATTACKERS[11], lab.HOST_IP], quiet),
  );
  const capture = join(folder, 'dropped.pcap');
  const recording = lab.start(lab.HOST, 'dumpcap', ['-q', '-i', 'rweb0', '-w', capture], quiet);
  children.push(recording);
  await wait(4000);
  await lab.run(lab.ATTACKER, 'node', [here('attack.mjs'), 'log4shell', lab.ATTACKERS[9], lab.HOST_IP]);
  await wait(1000);
  recording.kill('SIGINT');
  const walking = lab.start(lab.HOST, 'node', [here('walk.mjs'), URL_OF_RATEL, 'admin', password, capture], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, LAB: '1' },
  });
  children.push(walking);
  status = await new Promise((done) => walking.on('close', done));
  if (pictures) {
    mkdirSync(pictures, { recursive: true });
    const taking = lab.start(
      lab.HOST,
      'node',
      [here('pictures.mjs'), URL_OF_RATEL, 'admin', 'a password of their own, long', resolve(pictures)],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    await new Promise((done) => taking.on('close', done));
  }
} catch (error) {
  console.log(String(error.message ?? error));
} finally {
  stop('SIGTERM');
  await wait(3000);
  stop('SIGKILL');
  lab.tearDown();
  if (status === 0 && !process.env.E2E_KEEP) rmSync(folder, { recursive: true, force: true });
  else console.log(`what Ratel said is in ${folder}`);
}
process.exit(status);
