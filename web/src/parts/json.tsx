// A record as a tree of fields: each value a way on, long lists folded.
import { useState } from 'react';
import type { Json } from '@/api/types';
import { Value } from './pivot';
import './json.css';

/** What is shown before one asks for more. */
const SHOWN = 40;
/** Deeper than any record of ours: what is nested beyond is shown as text. */
const DEEPEST = 24;

export function JsonTree({ value }: { value: Json }) {
  return (
    <div className="json mono">
      <Node value={value} path="" depth={0} />
    </div>
  );
}

function Node({ value, path, depth }: { value: Json | undefined; path: string; depth: number }) {
  if (value === null || value === undefined) return <span className="json-null">null</span>;
  if (typeof value !== 'object')
    return (
      <span className={typeof value === 'string' ? 'json-text' : 'json-number'}>
        <Value field={path} value={value} />
      </span>
    );
  if (depth >= DEEPEST) return <span className="faint">{JSON.stringify(value).slice(0, 400)}</span>;
  const entries: [string, Json | undefined][] = Array.isArray(value)
    ? value.map((item, index) => [String(index), item])
    : Object.entries(value);
  if (entries.length === 0) return <span className="faint">{Array.isArray(value) ? '[]' : '{}'}</span>;
  return <Branch entries={entries} isList={Array.isArray(value)} path={path} depth={depth} />;
}

function Branch({
  entries,
  isList,
  path,
  depth,
}: {
  entries: [string, Json | undefined][];
  isList: boolean;
  path: string;
  depth: number;
}) {
  const [all, setAll] = useState(false);
  const shown = all ? entries : entries.slice(0, SHOWN);
  return (
    <ul>
      {shown.map(([key, item]) => {
        // Lists have no place in the path: a query asks whether one of them fits.
        const inner = isList ? path : path ? `${path}.${key}` : key;
        const isBranch = item !== null && typeof item === 'object' && Object.keys(item).length > 0;
        return (
          <li key={key} className={isBranch ? 'is-branch' : undefined}>
            <span className={isList ? 'faint' : 'json-key'}>{key}</span>
            <Node value={item} path={inner} depth={depth + 1} />
          </li>
        );
      })}
      {entries.length > shown.length ? (
        <li>
          <button type="button" className="btn btn-small" onClick={() => setAll(true)}>
            {entries.length - shown.length} more
          </button>
        </li>
      ) : null}
    </ul>
  );
}
