import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { SilenceDialog } from './silence';

vi.mock('@tanstack/react-router', () => ({ Link: ({ children }: { children: unknown }) => children }));
afterEach(() => vi.unstubAllGlobals());

it('says what it would have hidden before it hides anything', async () => {
  const fetched = vi.fn(
    async (_url: string, _init: RequestInit) =>
      new Response(JSON.stringify({ would_hide: 412, of: 430, sample: [], incidents: ['i1'] }), {
        headers: { 'content-type': 'application/json' },
      }),
  );
  vi.stubGlobal('fetch', fetched);
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SilenceDialog query="alert.signature_id:1" onClose={() => {}} />
    </QueryClientProvider>,
  );
  await waitFor(() => expect(screen.getByText('412')).toBeTruthy());
  expect(screen.getByText('430')).toBeTruthy();
  expect(screen.getByText(/nearly everything/)).toBeTruthy();
  const button = screen.getByRole('button', { name: 'Silence' }) as HTMLButtonElement;
  expect(button.disabled).toBe(true);
  expect(fetched.mock.calls.every(([url]) => url.includes('preview'))).toBe(true);
});
