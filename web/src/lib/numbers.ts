// Numbers as people read them.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** `12,345`. */
export const exact = (n: number): string => whole.format(n);

/** `999`, `12.3 k`, `4.1 M`. */
export function short(n: number): string {
  const size = Math.abs(n);
  if (size < 10 && n !== Math.round(n)) return n.toFixed(1);
  if (size < 1000) return String(Math.round(n));
  for (const [unit, factor] of [
    ['k', 1e3],
    ['M', 1e6],
    ['G', 1e9],
    ['T', 1e12],
  ] as const) {
    const value = n / factor;
    if (Math.abs(value) < 999.5)
      return `${Math.abs(value) < 99.5 ? value.toFixed(1) : Math.round(value)} ${unit}`;
  }
  return n.toExponential(1);
}

export const bytes = (n: number): string => `${short(n)}${n < 1000 ? ' ' : ''}B`;
export const bits = (n: number): string => `${short(n)}${n < 1000 ? ' ' : ''}bit/s`;

/** `0 %`, `0.02 %`, `12 %`: a small loss is never rounded to none. */
export function percent(part: number, of: number): string {
  if (of <= 0 || part <= 0) return '0 %';
  const share = (100 * part) / of;
  if (share < 0.01) return '< 0.01 %';
  return `${share < 1 ? share.toFixed(2) : share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

export const plural = (n: number, one: string, many = one + 's'): string =>
  `${exact(n)} ${n === 1 ? one : many}`;
