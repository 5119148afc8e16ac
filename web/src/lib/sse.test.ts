import { describe, expect, it } from 'vitest';
import { SseParser } from './sse';

const TEXT = ': hello\n\nevent: event\nid: 7\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: lone\n\n';
const EXPECTED = [
  { event: 'event', data: '{"a":1}', id: '7' },
  { event: 'message', data: 'one\ntwo', id: '7' },
];

describe('server-sent events', () => {
  it('are the same in any split', () => {
    for (let size = 1; size <= TEXT.length; size++) {
      const parser = new SseParser();
      const found = [];
      for (let at = 0; at < TEXT.length; at += size) found.push(...parser.push(TEXT.slice(at, at + size)));
      expect(found).toEqual(EXPECTED);
    }
  });
  it('never grow without an end', () => {
    const parser = new SseParser();
    expect(() => {
      for (let i = 0; i < 10; i++) parser.push('data: ' + 'x'.repeat(1 << 20));
    }).toThrow();
  });
});
