// A severity as people tell it apart without colour too: bars like a signal, the more the worse.
import { SEVERITIES, type Severity } from '@/api/types';

export const SEVERITY_NAMES: Record<Severity, string> = {
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
  informational: 'Info',
};

export const level = (severity: Severity): number => SEVERITIES.length - SEVERITIES.indexOf(severity);

export function SeverityBars({ severity }: { severity: Severity }) {
  const filled = level(severity);
  return (
    <svg width="19" height="12" viewBox="0 0 19 12" aria-hidden="true">
      {[1, 2, 3, 4, 5].map((n) => (
        <rect
          key={n}
          x={(n - 1) * 4}
          y={10 - n * 2}
          width="3"
          height={n * 2 + 2}
          rx="0.800"
          className={n <= filled ? `fill-${severity}` : 'sev-off'}
        />
      ))}
    </svg>
  );
}

export function SeverityMark({ severity, short = false }: { severity: Severity; short?: boolean }) {
  return (
    <span className={`sev sev-${severity}`}>
      <SeverityBars severity={severity} />
      {short ? <span className="sr">{SEVERITY_NAMES[severity]}</span> : SEVERITY_NAMES[severity]}
    </span>
  );
}
