import { expect, it } from 'vitest';
import { ruleTokens } from './rule-text';

it('splits at semicolons that are neither quoted nor escaped', () => {
  const tokens = ruleTokens(
    'alert tcp any any -> $HOME_NET 80 (msg:"a; b"; content:"x\\;y"; nocase; sid:7;)',
  );
  expect(tokens.filter((t) => t.kind === 'key').map((t) => t.text)).toEqual([
    'msg',
    'content',
    'nocase',
    'sid',
  ]);
  expect(tokens.filter((t) => t.kind === 'text').map((t) => t.text)).toEqual(['"a; b"', '"x\\;y"']);
  expect(tokens[0]).toEqual({ kind: 'action', text: 'alert' });
});

it('takes anything', () => {
  for (const text of ['', '(', 'alert', 'alert tcp (msg:"', '((((;;;;'])
    expect(ruleTokens(text).length).toBeGreaterThan(0);
});
