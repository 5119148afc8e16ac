// A rule of Suricata's language in coloured pieces; one option per line where it is long.

export interface Token {
  kind: 'action' | 'header' | 'key' | 'text' | 'number' | 'mark';
  text: string;
}

/** Never throws and never loses a character but white space between options: what it does not know stays text. */
export function ruleTokens(rule: string): Token[] {
  const open = rule.indexOf('(');
  if (open < 0) return [{ kind: 'header', text: rule }];
  const header = rule.slice(0, open).trim();
  const space = header.indexOf(' ');
  const tokens: Token[] = [
    { kind: 'action', text: space < 0 ? header : header.slice(0, space) },
    { kind: 'header', text: space < 0 ? ' ' : header.slice(space) + ' ' },
    { kind: 'mark', text: '(' },
  ];
  for (const option of options(rule.slice(open + 1).replace(/\)\s*$/, ''))) {
    tokens.push({ kind: 'mark', text: '\n    ' });
    const colon = option.indexOf(':');
    if (colon < 0) tokens.push({ kind: 'key', text: option });
    else {
      tokens.push({ kind: 'key', text: option.slice(0, colon) }, { kind: 'mark', text: ':' });
      const value = option.slice(colon + 1).trim();
      tokens.push({
        kind: /^[\d.]+$/.test(value) ? 'number' : value.includes('"') ? 'text' : 'header',
        text: value,
      });
    }
    tokens.push({ kind: 'mark', text: ';' });
  }
  tokens.push({ kind: 'mark', text: '\n)' });
  return tokens;
}

/** Splits at semicolons that are neither quoted nor escaped. */
function options(body: string): string[] {
  const list: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < body.length; i++) {
    const c = body[i];
    if (c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (c === ';' && !quoted) {
      list.push(body.slice(from, i).trim());
      from = i + 1;
    }
  }
  const rest = body.slice(from).trim();
  return [...list, rest].filter(Boolean);
}
