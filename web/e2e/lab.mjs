// Two network namespaces, an attacker and a host that Ratel defends: nothing leaves them. Needs root and iproute2.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

export const HOST = 'ratel-web-host';
export const ATTACKER = 'ratel-web-attacker';
export const HOST_IP = '203.0.113.1';
/** Where somebody hears of incidents, on the host. */
export const HOOK_PORT = 8098;
/** Each attack comes from one of its own. */
export const ATTACKERS = Array.from({ length: 12 }, (_, i) => `203.0.113.${61 + i}`);

const ip = (line) => execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });

/** Why there can be no lab here (dumpcap, of Wireshark, records what is dropped on a page; without it that is left out); null where there can. */
export function missing() {
  if (process.getuid() !== 0) return 'it needs root';
  if (!existsSync('/sbin/ip') && !existsSync('/usr/sbin/ip') && !existsSync('/bin/ip'))
    return 'it needs iproute2';
  if (!existsSync(chromium)) return `it needs Chromium at ${chromium} (CHROMIUM names another)`;
  return null;
}
export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

export function build() {
  tearDown();
  for (const name of [HOST, ATTACKER]) ip(`netns add ${name}`);
  ip(`link add rweb0 netns ${HOST} type veth peer name rweb1 netns ${ATTACKER}`);
  for (const [name, link] of [
    [HOST, 'rweb0'],
    [ATTACKER, 'rweb1'],
  ]) {
    ip(`-n ${name} link set lo up`);
    ip(`-n ${name} link set ${link} up`);
  }
  ip(`-n ${HOST} addr add ${HOST_IP}/24 dev rweb0`);
  for (const address of ATTACKERS) ip(`-n ${ATTACKER} addr add ${address}/24 dev rweb1`);
}

export function tearDown() {
  for (const name of [HOST, ATTACKER]) {
    try {
      ip(`netns del ${name}`);
    } catch {
      // It was not there.
    }
  }
}

/** Starts a command inside a namespace. */
export function start(place, command, args, options = {}) {
  return spawn('ip', ['netns', 'exec', place, command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
}

/** Runs a command inside a namespace to its end and gives back what it said. */
export function run(place, command, args) {
  return new Promise((resolve, reject) => {
    const child = start(place, command, args);
    let out = '';
    child.stdout.on('data', (chunk) => (out += chunk));
    child.stderr.on('data', (chunk) => (out += chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${command} ${args.join(' ')}: ${code}\n${out}`)),
    );
  });
}
