// What the host of the lab offers: a shop over HTTP, something like SSH, names over DNS. And somebody who hears of incidents.
import { createSocket } from 'node:dgram';
import { createServer as http } from 'node:http';
import { createServer as tcp } from 'node:net';
import { HOOK_PORT } from './lab.mjs';

http((request, response) => {
  response.writeHead(request.url.includes('UNION') ? 500 : 200, { 'content-type': 'text/html' });
  response.end('<h1>Shop</h1>' + 'x'.repeat(Math.floor(Math.random() * 4000)));
}).listen(80);
tcp((socket) => {
  socket.on('error', () => {});
  socket.write('SSH-2.0-OpenSSH_9.6\r\n');
  setTimeout(() => socket.destroy(), 400);
}).listen(22);
const dns = createSocket('udp4');
dns.on('message', (question, from) => {
  // The question comes back as an answer without records: NXDOMAIN.
  const answer = Buffer.from(question);
  answer[2] = 0x81;
  answer[3] = 0x83;
  dns.send(answer, from.port, from.address);
});
dns.bind(53);
// Takes notifications; who asks gets what was taken.
const told = [];
http((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    if (request.method === 'POST') told.push(JSON.parse(body));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(request.method === 'POST' ? '{}' : JSON.stringify(told));
  });
}).listen(HOOK_PORT, '127.0.0.1');
