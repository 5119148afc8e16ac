import { expect, it } from 'vitest';
import { at, end, matchesOf, severityOf, summary } from './eve';

it('reads paths through lists and holes', () => {
  const event = { dns: { queries: [{ rrname: 'a.example' }] }, alert: null };
  expect(at(event, 'dns.queries.rrname')).toBe('a.example');
  expect(at(event, 'alert.severity')).toBeUndefined();
});

it('counts severity downwards', () => {
  const check = (eve: number, expected: string) =>
    expect(severityOf({ alert: { severity: eve } })).toBe(expected);
  check(1, 'high');
  check(2, 'medium');
  check(3, 'low');
  check(9, 'informational');
  expect(severityOf({})).toBeNull();
});

it('writes ends with brackets where an address has colons', () => {
  expect(end({ src_ip: '::1', src_port: 80 }, 'src')).toBe('[::1]:80');
  expect(end({ src_ip: '192.0.2.1' }, 'src')).toBe('192.0.2.1');
});

it('says what a record is about', () => {
  expect(
    summary({ event_type: 'http', http: { http_method: 'GET', hostname: 'a', url: '/x', status: 404 } }),
  ).toBe('GET a/x 404');
  expect(summary({ event_type: 'dns', dns: { type: 'query', rrname: 'b.example', rrtype: 'A' } })).toBe(
    'query A b.example',
  );
});

it('never trusts the numbers of a match', () => {
  const of = (spans: unknown) =>
    matchesOf({
      ratel: { matches: [{ buffer: 'http.uri', data: btoa('GET /x'), offset: 10, spans } as never] },
    })[0]?.spans.map((span) => [span.from, span.length]);
  expect(of([{ at: 14, length: 2 }])).toEqual([[4, 2]]);
  expect(of([{ at: 14, length: 200 }, { at: 99, length: 1 }, { at: 1, length: 3 }, { at: 'a' }, 7])).toEqual([
    [4, 2],
  ]);
  expect(matchesOf({ ratel: { matches: [{ data: '%%%' }] } })).toEqual([]);
});
