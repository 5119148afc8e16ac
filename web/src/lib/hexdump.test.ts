import { expect, it } from 'vitest';
import { fold, hexRows, textRuns } from './hexdump';

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

it('writes rows with offsets and marks', () => {
  const rows = hexRows(bytes('GET /etc/passwd HTTP'), [{ from: 4, length: 11 }]);
  expect(rows.map((row) => row.offset)).toEqual([0, 16]);
  expect(rows[0]?.cells.map((cell) => cell.char).join('')).toBe('GET /etc/passwd ');
  expect(rows[0]?.cells.map((cell) => (cell.span >= 0 ? '^' : ' ')).join('')).toBe('    ^^^^^^^^^^^ ');
  expect(rows[0]?.cells[0]?.hex).toBe('47');
});

it('folds what nothing matched, and keeps what is around a match', () => {
  const parts = fold(hexRows(new Uint8Array(16 * 100), [{ from: 16 * 50, length: 4 }]));
  expect(parts.map((part) => (part.kind === 'gap' ? part.rows : '.')).join('')).toBe('.47.....47');
  expect(fold(hexRows(new Uint8Array(0), []))).toEqual([]);
});

it('shows text with what matched apart', () => {
  expect(textRuns(bytes('a\r\nbc\0'), [{ from: 3, length: 2 }])).toEqual([
    { text: 'a⏎\n', span: -1 },
    { text: 'bc', span: 0 },
    { text: '\\x00', span: -1 },
  ]);
});
