// Bytes as rows of a hexdump, with what matched marked.

export interface Cell {
  hex: string;
  char: string;
  /** The span it belongs to, from 0; -1 where none matched it. */
  span: number;
}

/** A stretch that matched. */
export interface Marked {
  from: number;
  length: number;
}

export interface Row {
  offset: number;
  cells: Cell[];
}

export type Part = { kind: 'row'; row: Row } | { kind: 'gap'; rows: number };

/** Rows around a match that are always shown. */
const AROUND = 2;

/** `spans` lie within `bytes`; `base` is where `bytes` begins in its buffer. */
export function hexRows(bytes: Uint8Array, spans: Marked[], width = 16, base = 0): Row[] {
  const marks = new Int16Array(bytes.length).fill(-1);
  spans.forEach(({ from, length }, index) => {
    // The first that matched a byte keeps it.
    for (let i = from; i < Math.min(from + length, bytes.length); i++) if (marks[i] === -1) marks[i] = index;
  });
  const rows: Row[] = [];
  for (let at = 0; at < bytes.length; at += width) {
    const cells: Cell[] = [];
    for (let i = at; i < Math.min(at + width, bytes.length); i++) {
      const byte = bytes[i] ?? 0;
      cells.push({
        hex: byte.toString(16).padStart(2, '0'),
        char: byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·',
        span: marks[i] ?? -1,
      });
    }
    rows.push({ offset: base + at, cells });
  }
  return rows;
}

/** Leaves out long stretches in which nothing matched. */
export function fold(rows: Row[], most = 24): Part[] {
  if (rows.length <= most) return rows.map((row) => ({ kind: 'row', row }));
  const keep = new Set<number>([0]);
  rows.forEach((row, index) => {
    if (!row.cells.some((cell) => cell.span >= 0)) return;
    for (let i = index - AROUND; i <= index + AROUND; i++) keep.add(i);
  });
  if (keep.size === 1) for (let i = 0; i < Math.min(most, rows.length); i++) keep.add(i);
  const parts: Part[] = [];
  let skipped = 0;
  rows.forEach((row, index) => {
    if (!keep.has(index)) {
      skipped += 1;
      return;
    }
    if (skipped) parts.push({ kind: 'gap', rows: skipped });
    skipped = 0;
    parts.push({ kind: 'row', row });
  });
  if (skipped) parts.push({ kind: 'gap', rows: skipped });
  return parts;
}

/** The bytes as text in runs of what matched and what did not; what cannot be printed is escaped. */
export function textRuns(bytes: Uint8Array, spans: Marked[]): { text: string; span: number }[] {
  const runs: { text: string; span: number }[] = [];
  for (const row of hexRows(bytes, spans, 1 << 20)) {
    row.cells.forEach((cell, i) => {
      const byte = bytes[i] ?? 0;
      const text =
        byte === 0x0a
          ? '⏎\n'
          : byte === 0x0d
            ? ''
            : byte === 0x09
              ? '\t'
              : cell.char === '·' && byte !== 0xb7
                ? `\\x${cell.hex}`
                : cell.char;
      const last = runs[runs.length - 1];
      if (last && last.span === cell.span) last.text += text;
      else runs.push({ text, span: cell.span });
    });
    break;
  }
  return runs;
}
