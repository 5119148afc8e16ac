// The text of a rule, coloured.
import { useMemo } from 'react';
import { ruleTokens } from '@/lib/rule-text';

export function RuleText({ rule }: { rule: string }) {
  const tokens = useMemo(() => ruleTokens(rule), [rule]);
  return (
    // Long rules scroll: that must work without a mouse.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre className="code" tabIndex={0} aria-label="The rule">
      {tokens.map((token, index) => (
        <span key={index} className={`tok-${token.kind}`}>
          {token.text}
        </span>
      ))}
    </pre>
  );
}
