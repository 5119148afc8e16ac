// A database of countries (MaxMind's format, version 2) for the lab's addresses, which are in nobody else's.
import { writeFileSync } from 'node:fs';

const text = (value) => Buffer.concat([Buffer.from([0x40 | value.length]), Buffer.from(value)]);
const number = (value, type) => {
  const bytes = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  // Types beyond 7 stand in a byte of their own.
  return Buffer.from(type > 7 ? [bytes.length, type - 7, ...bytes] : [(type << 5) | bytes.length, ...bytes]);
};
const U16 = 5;
const U32 = 6;
const U64 = 9;
const map = (entries) =>
  Buffer.concat([
    Buffer.from([0xe0 | entries.length]),
    ...entries.flatMap(([key, value]) => [text(key), value]),
  ]);

/** Writes a database that knows these IPv4 addresses: `{ '203.0.113.61': 'NL', … }`. */
export function writeCountries(path, countries) {
  const codes = [...new Set(Object.values(countries))];
  const records = codes.map((code) => map([['country', map([['iso_code', text(code)]])]]));
  const offsets = records.map((_, i) => records.slice(0, i).reduce((sum, one) => sum + one.length, 0));
  // A tree over the bits of addresses; null: nothing is known.
  const nodes = [[null, null]];
  for (const [address, code] of Object.entries(countries)) {
    const bits = address
      .split('.')
      .reduce((all, part) => all + Number(part).toString(2).padStart(8, '0'), '');
    let node = nodes[0];
    for (const bit of bits.slice(0, -1)) {
      if (node[bit] === null) {
        node[bit] = nodes.length;
        nodes.push([null, null]);
      }
      node = nodes[node[bit]];
    }
    node[bits.at(-1)] = { code };
  }
  const place = (child) => {
    if (child === null) return nodes.length;
    return typeof child === 'number' ? child : nodes.length + 16 + offsets[codes.indexOf(child.code)];
  };
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach(([left, right], i) => {
    tree.writeUIntBE(place(left), i * 6, 3);
    tree.writeUIntBE(place(right), i * 6 + 3, 3);
  });
  const about = map([
    ['node_count', number(nodes.length, U32)],
    ['record_size', number(24, U16)],
    ['ip_version', number(4, U16)],
    ['database_type', text('Lab-Country')],
    ['languages', Buffer.from([0, 4])],
    ['binary_format_major_version', number(2, U16)],
    ['binary_format_minor_version', number(0, U16)],
    ['build_epoch', number(1_700_000_000, U64)],
    ['description', Buffer.from([0xe0])],
  ]);
  const mark = Buffer.concat([Buffer.from([0xab, 0xcd, 0xef]), Buffer.from('MaxMind.com')]);
  writeFileSync(path, Buffer.concat([tree, Buffer.alloc(16), ...records, mark, about]));
}
