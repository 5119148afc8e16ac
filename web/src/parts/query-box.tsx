// A query with completion of fields and values, and a refusal shown at its place.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { Problem } from '@/api/client';
import { fields as askFields, values as askValues } from '@/api/queries';
import { quoted, wordAt, type Word } from '@/lib/query';
import { short } from '@/lib/numbers';
import './query-box.css';

interface Choice {
  insert: string;
  name: string;
  hint: string;
}

const SHOWN = 12;

/** Fields whose name begins so come before those that only contain it. */
export function rank<T extends { path: string }>(fields: T[], typed: string): T[] {
  const lower = typed.toLowerCase();
  const scored = fields
    .map((field) => {
      const at = field.path.toLowerCase().indexOf(lower);
      const isPart = at > 0 && field.path[at - 1] === '.';
      return [field, at === 0 ? 0 : isPart ? 1 : at > 0 ? 2 : 3] as const;
    })
    .filter(([, score]) => score < 3);
  return scored
    .sort((a, b) => a[1] - b[1] || a[0].path.length - b[0].path.length)
    .slice(0, SHOWN)
    .map(([field]) => field);
}

export function QueryBox({
  value,
  onSubmit,
  error,
}: {
  value: string;
  onSubmit: (query: string) => void;
  error?: unknown;
}) {
  const [text, setText] = useState(value);
  const [cursor, setCursor] = useState(0);
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const listId = useId();
  const [seen, setSeen] = useState(value);
  // What comes from outside (a pivot, the way back) replaces what was typed.
  if (seen !== value) {
    setSeen(value);
    setText(value);
  }
  const word = wordAt(text, cursor);
  const fields = useQuery({ ...askFields(), enabled: open }).data;
  const values = useQuery({
    ...askValues(word.field, word.prefix, undefined),
    enabled: open && word.kind === 'value',
  }).data;
  const choices = open ? choicesFor(word, fields, values) : [];
  const at = Math.min(chosen, choices.length - 1);

  useEffect(() => {
    document.getElementById(`${listId}-${at}`)?.scrollIntoView({ block: 'nearest' });
  }, [at, listId]);

  function take(choice: Choice): void {
    const next = text.slice(0, word.from) + choice.insert + text.slice(word.to);
    const place = word.from + choice.insert.length;
    setText(next);
    setCursor(place);
    setChosen(-1);
    requestAnimationFrame(() => input.current?.setSelectionRange(place, place));
    if (word.kind === 'value') setOpen(false);
  }

  function onKeyDown(event: KeyboardEvent<HTMLInputElement>): void {
    if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && choices.length) {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setChosen((at + step + choices.length + (at < 0 && step < 0 ? 1 : 0)) % choices.length);
    } else if (event.key === 'ArrowDown') {
      setOpen(true);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && at >= 0 && choices[at]) {
      event.preventDefault();
      take(choices[at]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      setOpen(false);
      onSubmit(text.trim());
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      setOpen(false);
    }
  }
  const place = error instanceof Problem ? placeOf(error) : null;
  return (
    <div className="qb">
      <div className="qb-line">
        <input
          ref={input}
          data-search
          className="input mono qb-input"
          role="combobox"
          aria-label="Query"
          aria-expanded={choices.length > 0}
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={at >= 0 ? `${listId}-${at}` : undefined}
          aria-invalid={Boolean(error)}
          placeholder="event_type:alert AND src_ip:10.0.0.0/8"
          spellCheck={false}
          autoCapitalize="none"
          autoComplete="off"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setCursor(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setChosen(-1);
          }}
          onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
          onKeyDown={onKeyDown}
          onBlur={() => setOpen(false)}
        />
        <button type="button" className="btn btn-primary" onClick={() => onSubmit(text.trim())}>
          Search
        </button>
      </div>
      <ul
        id={listId}
        className={choices.length ? 'menu qb-list' : 'qb-none'}
        role="listbox"
        aria-label="Completions"
      >
        {choices.map((choice, index) => (
          // The keyboard goes through the field above.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={choice.name}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === at}
            className="menu-item mono"
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(choice)}
          >
            <span className="cut">{choice.name}</span>
            <span className="end">{choice.hint}</span>
          </li>
        ))}
      </ul>
      {error instanceof Problem && error.status === 400 ? (
        <Refusal query={value} at={place} error={error} />
      ) : null}
    </div>
  );
}

function choicesFor(
  word: Word,
  fields: { path: string; kind: string }[] | undefined,
  values: { value: string; count: number }[] | undefined,
): Choice[] {
  if (word.kind === 'field')
    return rank(fields ?? [], word.prefix).map((field) => ({
      insert: `${field.path}:`,
      name: field.path,
      hint: field.kind,
    }));
  // While the next answer is on its way the one before it stands in: only what fits is offered.
  const typed = word.prefix.toLowerCase();
  return (values ?? [])
    .filter(({ value }) => value.toLowerCase().startsWith(typed))
    .slice(0, SHOWN)
    .map(({ value, count }) => ({ insert: `${quoted(value)} `, name: value, hint: short(count) }));
}

/** Where the query was not understood: told as a number, or in the words. */
export function placeOf(error: Problem): number | null {
  if (typeof error.body.at === 'number') return error.body.at;
  const words = /\b(at )?character (\d+): /.exec(error.detail);
  // The API counts from 0 in "at character 4: …"; the language itself, from 1 in "character 5: …".
  return words?.[2] ? Number(words[2]) - (words[1] ? 0 : 1) : null;
}

/** The query again with a mark under the place that was not understood. */
function Refusal({ query, at, error }: { query: string; at: number | null; error: Problem }) {
  if (at === null)
    return (
      <p className="qb-refusal" role="alert">
        {error.detail}
      </p>
    );
  // Places are counted in characters, not in JavaScript's halves of them.
  const letters = [...query];
  const from = Math.max(0, at - 36);
  const before = (from > 0 ? '…' : '') + letters.slice(from, at).join('');
  return (
    <div className="qb-refusal" role="alert">
      <pre className="mono" aria-hidden="true">
        {before}
        <span className="qb-at">{letters[at] ?? ' '}</span>
        {letters.slice(at + 1, at + 60).join('')}
      </pre>
      <p>
        At character {at + 1}: {String(error.body.reason ?? error.detail.replace(/^.*?character \d+: /, ''))}
      </p>
    </div>
  );
}
