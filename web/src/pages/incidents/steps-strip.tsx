// The ATT&CK matrix as fourteen ticks: how far an attack came, comparable row by row.
import type { Tactic } from '@/api/types';
import { TACTICS } from '@/lib/attack';

export function StepsStrip({ tactics }: { tactics: Tactic[] }) {
  const seen = new Set(tactics.map((tactic) => tactic.id));
  const label = tactics.length
    ? tactics.map((tactic) => tactic.name).join(', then ')
    : 'No ATT&CK step is known';
  return (
    <svg className="strip" width="98" height="14" viewBox="0 0 98 14" role="img" aria-label={label}>
      <title>{label}</title>
      {TACTICS.map(([id], index) =>
        seen.has(id) ? (
          <rect key={id} x={index * 7} y="1" width="5" height="12" rx="1" fill="var(--accent)" />
        ) : (
          <rect key={id} x={index * 7 + 1.5} y="6" width="2" height="2" rx="1" fill="var(--line-strong)" />
        ),
      )}
    </svg>
  );
}
