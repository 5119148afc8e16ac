import { expect, it } from 'vitest';
import { rank } from './query-box';

it('completes what begins so before what only contains it', () => {
  const fields = ['flow.src_ip', 'src_ip', 'dest_ip', 'src_port', 'tls.xsrc'].map((path) => ({ path }));
  expect(rank(fields, 'src').map((field) => field.path)).toEqual([
    'src_ip',
    'src_port',
    'flow.src_ip',
    'tls.xsrc',
  ]);
});
