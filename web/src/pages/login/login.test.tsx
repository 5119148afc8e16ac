import { expect, it } from 'vitest';
import { Problem } from '@/api/client';
import { reason } from './login';

it('tells why a login was refused', () => {
  const check = (status: number, detail: string, expected: string) =>
    expect(reason(new Problem(status, 'x', detail))).toBe(expected);
  check(0, '', 'Ratel cannot be reached.');
  check(401, 'no', 'Name or password is wrong.');
  check(429, 'Locked for 4 minutes.', 'Locked for 4 minutes.');
});
