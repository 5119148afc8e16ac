// Captures of a link whose checksums a card would compute: made right, so that the engine believes them, or wrong on purpose.
import { readFileSync, writeFileSync } from 'node:fs';

const GLOBAL = 24;
const RECORD = 16;
const ETHERNET = 14;
const TCP = 6;

/** The Internet checksum (RFC 1071) of these bytes, `seed` added. */
function checksum(bytes, seed) {
  let sum = seed;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Copies a capture (classic format, Ethernet) with the checksum of each TCP segment over IPv4 right or wrong; how many there are. */
export function withChecksums(from, to, areRight) {
  const file = readFileSync(from);
  const isLittle = file.readUInt32BE(0) === 0xd4c3b2a1 || file.readUInt32BE(0) === 0x4d3cb2a1;
  let segments = 0;
  for (let at = GLOBAL; at + RECORD <= file.length;) {
    const length = isLittle ? file.readUInt32LE(at + 8) : file.readUInt32BE(at + 8);
    const frame = file.subarray(at + RECORD, at + RECORD + length);
    at += RECORD + length;
    if (frame.length < 54 || frame.readUInt16BE(12) !== 0x0800 || frame[ETHERNET + 9] !== TCP) continue;
    const head = (frame[ETHERNET] & 15) * 4;
    const total = frame.readUInt16BE(ETHERNET + 2);
    if (ETHERNET + total > frame.length) continue;
    const segment = frame.subarray(ETHERNET + head, ETHERNET + total);
    segment.writeUInt16BE(0, 16);
    const ends = frame.subarray(ETHERNET + 12, ETHERNET + 20);
    let seed = TCP + segment.length;
    for (let i = 0; i < 8; i += 2) seed += ends.readUInt16BE(i);
    const right = checksum(segment, seed);
    segment.writeUInt16BE(areRight ? right : right ^ 0x1234, 16);
    segments += 1;
  }
  writeFileSync(to, file);
  return segments;
}
