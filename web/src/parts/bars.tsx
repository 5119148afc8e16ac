// The most frequent values with their share drawn behind them.
import type { Counted } from '@/api/types';
import { exact } from '@/lib/numbers';
import { Value } from './pivot';

export function Bars({
  items,
  field,
  limit = 8,
  name = (value) => value,
}: {
  items: Counted[];
  /** Nothing where no field of events holds the value. */
  field?: string;
  limit?: number;
  name?: (value: string) => string;
}) {
  const shown = items.slice(0, limit);
  const most = Math.max(1, ...shown.map((item) => item.count));
  return (
    <ol className="bars">
      {shown.map((item) => (
        <li key={item.value}>
          <span className="bar" style={{ width: `${(100 * item.count) / most}%` }} />
          {field ? (
            <Value field={field} value={item.value} />
          ) : (
            <span className="cut">{name(item.value)}</span>
          )}
          <span className="num">{exact(item.count)}</span>
        </li>
      ))}
    </ol>
  );
}
