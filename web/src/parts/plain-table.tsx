// A short table that is drawn whole, and scrolls sideways where it has to.
import type { ReactNode } from 'react';

export function PlainTable({
  heads,
  last,
  children,
}: {
  heads: string[];
  /** What the last column is for, told to screen readers alone. */
  last: string;
  children: ReactNode;
}) {
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head}>{head}</th>
            ))}
            <th>
              <span className="sr">{last}</span>
            </th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
