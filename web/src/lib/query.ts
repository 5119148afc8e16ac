// The query language as the browser needs it: tokens for completion, and pivots that write it.

/** A value as the language takes it back unchanged. */
export function quoted(value: string | number | boolean): string {
  const raw = String(value);
  if (typeof value !== 'string') return raw;
  // Bare words stay readable; all else goes in quotes, where only quote and backslash mean something.
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u.test(raw) && !/^(AND|OR|NOT|TO)$/i.test(raw)) return raw;
  return `"${raw.replace(/[\\"]/g, '\\$&')}"`;
}

export type Pivot = 'only' | 'add' | 'exclude';

/** Whether a query must be put in brackets before something is joined to it. */
function isLoose(query: string): boolean {
  let depth = 0;
  let inQuotes = false;
  for (let i = 0; i < query.length; i++) {
    const c = query[i];
    if (c === '\\') i++;
    else if (c === '"') inQuotes = !inQuotes;
    else if (!inQuotes && c === '(') depth++;
    else if (!inQuotes && c === ')') depth--;
    else if (!inQuotes && depth === 0 && /^\s(OR|\|\|)\s/i.test(query.slice(i, i + 4))) return true;
  }
  return false;
}

/** The query after a pivot on a value. Adding what is there already changes nothing. */
export function pivot(query: string, field: string, value: string | number | boolean, how: Pivot): string {
  const condition = `${field}:${quoted(value)}`;
  const before = query.trim();
  if (how === 'only' || !before || before === '*') return how === 'exclude' ? `NOT ${condition}` : condition;
  const left = isLoose(before) ? `(${before})` : before;
  const right = how === 'exclude' ? `NOT ${condition}` : condition;
  const parts = left.split(' AND ');
  if (parts.includes(right)) return before;
  const opposite = how === 'exclude' ? condition : `NOT ${condition}`;
  const rest = parts.filter((part) => part !== opposite);
  return [...rest, right].join(' AND ');
}

export interface Word {
  kind: 'field' | 'value';
  /** The field whose value is being typed. */
  field: string;
  /** What was typed of it so far, without an opening quote. */
  prefix: string;
  /** Where the completion goes. */
  from: number;
  to: number;
}

/** What stands at the cursor: a field's name, or a value of a field. */
export function wordAt(query: string, cursor: number): Word {
  let from = cursor;
  while (from > 0 && !/[\s()]/.test(query.charAt(from - 1))) from--;
  // A quote that is open reaches further back than the last space.
  const before = query.slice(0, cursor);
  const quotes = [...before.matchAll(/(?<!\\)"/g)];
  if (quotes.length % 2 === 1) {
    const open = quotes[quotes.length - 1]?.index ?? 0;
    const field = /([\w.@-]+):$/.exec(query.slice(0, open));
    if (field?.[1])
      return {
        kind: 'value',
        field: field[1],
        prefix: query.slice(open + 1, cursor),
        from: open,
        to: cursor,
      };
  }
  const word = query.slice(from, cursor);
  const colon = /^[-!]?([\w.@-]+):(?:[<>]=?)?/.exec(word);
  if (colon?.[1]) {
    const start = from + colon[0].length;
    return {
      kind: 'value',
      field: colon[1],
      prefix: query.slice(start, cursor).replace(/^"/, ''),
      from: start,
      to: cursor,
    };
  }
  const sign = /^[-!]/.test(word) ? 1 : 0;
  return { kind: 'field', field: '', prefix: word.slice(sign), from: from + sign, to: cursor };
}
