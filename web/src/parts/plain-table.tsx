// A short table that is drawn whole; where the screen is narrow each row is a small card.
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
      <table className="plain-table is-stacked">
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
