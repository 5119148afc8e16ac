import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { Problem } from '@/api/client';
import { Login, reason } from './login';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

it('tells why a login was refused', () => {
  const check = (status: number, detail: string, expected: string) =>
    expect(reason(new Problem(status, 'x', detail))).toBe(expected);
  check(0, '', 'Ratel cannot be reached.');
  check(401, 'no', 'Name or password is wrong.');
  check(429, 'Locked for 4 minutes.', 'Locked for 4 minutes.');
});

it('offers the login of a provider only where one is set', async () => {
  const check = async (oidc: unknown, links: string[]) => {
    const fetched = vi.fn(
      async () =>
        new Response(JSON.stringify({ password: true, oidc }), {
          headers: { 'content-type': 'application/json' },
        }),
    );
    vi.stubGlobal('fetch', fetched);
    render(
      <QueryClientProvider client={new QueryClient()}>
        <Login />
      </QueryClientProvider>,
    );
    await waitFor(() => expect(fetched).toHaveBeenCalled());
    await waitFor(() => expect(screen.queryAllByRole('link').map((link) => link.textContent)).toEqual(links));
    cleanup();
  };
  await check(null, []);
  await check({ name: 'Example', start: '/api/v1/auth/oidc/start' }, ['Log in with Example']);
});
