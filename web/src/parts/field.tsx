// A line of a form: a label, what is typed or chosen, and what else there is to say.
import { useId, type InputHTMLAttributes } from 'react';

type Input = Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'onChange' | 'id'>;

export function TextField({
  label,
  value,
  onChange,
  hint,
  mono = false,
  ...input
}: Input & {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string;
  mono?: boolean;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className={`input${mono ? ' mono' : ''}`}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        {...input}
      />
      {hint ? <span className="hint">{hint}</span> : null}
    </div>
  );
}

/** One of a few, as the browser itself lets choose. */
export function ChoiceField<T extends string>({
  label,
  value,
  choices,
  onChange,
}: {
  label: string;
  value: T;
  choices: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value as T)}>
        {choices.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
