import { expect, it } from 'vitest';
import { eitherEnd } from './detail';

it('asks for a host at either end', () => {
  expect(eitherEnd('192.0.2.1')).toBe('src_ip:192.0.2.1 OR dest_ip:192.0.2.1');
  expect(eitherEnd('2001:db8::1')).toBe('src_ip:"2001:db8::1" OR dest_ip:"2001:db8::1"');
});
