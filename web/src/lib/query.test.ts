import { describe, expect, it } from 'vitest';
import { pivot, quoted, wordAt } from './query';

describe('pivots', () => {
  it('quote what the language would misread', () => {
    expect(quoted('192.0.2.1')).toBe('192.0.2.1');
    expect(quoted('::1')).toBe('"::1"');
    expect(quoted('ET SCAN "x"')).toBe('"ET SCAN \\"x\\""');
    expect(quoted('or')).toBe('"or"');
    expect(quoted(3)).toBe('3');
  });
  it('join, exclude and replace', () => {
    const check = (q: string, how: 'only' | 'add' | 'exclude', expected: string) =>
      expect(pivot(q, 'src_ip', '192.0.2.1', how)).toBe(expected);
    check('', 'add', 'src_ip:192.0.2.1');
    check('', 'exclude', 'NOT src_ip:192.0.2.1');
    check('a:1', 'add', 'a:1 AND src_ip:192.0.2.1');
    check('a:1', 'only', 'src_ip:192.0.2.1');
    check('a:1 OR b:2', 'add', '(a:1 OR b:2) AND src_ip:192.0.2.1');
    check('a:1 AND src_ip:192.0.2.1', 'add', 'a:1 AND src_ip:192.0.2.1');
    check('a:1 AND src_ip:192.0.2.1', 'exclude', 'a:1 AND NOT src_ip:192.0.2.1');
    check('a:"x OR y"', 'add', 'a:"x OR y" AND src_ip:192.0.2.1');
  });
});

describe('the word at the cursor', () => {
  const check = (query: string, kind: string, field: string, prefix: string) => {
    expect(wordAt(query, query.length)).toMatchObject({ kind, field, prefix });
  };
  it('is a field or a value', () => {
    check('', 'field', '', '');
    check('src', 'field', '', 'src');
    check('a:1 AND (dest_', 'field', '', 'dest_');
    check('event_type:al', 'value', 'event_type', 'al');
    check('alert.severity:<=', 'value', 'alert.severity', '');
    check('alert.signature:"ET SC', 'value', 'alert.signature', 'ET SC');
    check('-src_', 'field', '', 'src_');
  });
  it('knows where the completion goes', () => {
    expect(wordAt('a:1 AND event_type:al', 21)).toMatchObject({ from: 19, to: 21 });
  });
});
