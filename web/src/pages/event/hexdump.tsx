// A buffer as hexdump and as text, the bytes that matched marked in both.
import { useMemo, useState } from 'react';
import type { Match } from '@/lib/eve';
import { fold, hexRows, textRuns } from '@/lib/hexdump';
import { exact, plural } from '@/lib/numbers';
import { useNarrow } from '@/parts/media';
import { Segments } from '@/parts/segments';

/** Larger buffers are cut: nobody reads a megabyte here, and the capture has it. */
const MAX_BYTES = 16 * 1024;

export function Hexdump({ match }: { match: Match }) {
  const narrow = useNarrow();
  const [how, setHow] = useState<'hex' | 'text'>('hex');
  const [all, setAll] = useState(false);
  const bytes = useMemo(() => match.bytes.slice(0, MAX_BYTES), [match]);
  const width = narrow ? 8 : 16;
  const rows = useMemo(() => hexRows(bytes, match.spans, width, match.offset), [bytes, match, width]);
  const parts = useMemo(() => (all ? fold(rows, Infinity) : fold(rows)), [rows, all]);
  return (
    <section className="hex">
      <header>
        <h3 className="mono">{match.buffer}</h3>
        <span className="faint">
          {match.direction ? `${match.direction === 'toclient' ? 'to the client' : 'to the server'}, ` : ''}
          {match.length > bytes.length
            ? `${exact(bytes.length)} of ${plural(match.length, 'byte')} from ${exact(match.offset)} on`
            : plural(match.length, 'byte')}
        </span>
        <Segments
          label={`How ${match.buffer} is shown`}
          value={how}
          choices={[
            ['hex', 'Hex'],
            ['text', 'Text'],
          ]}
          onChange={setHow}
        />
      </header>
      {match.spans.some((span) => span.by) ? (
        <ul className="hex-options" aria-label="Options that matched">
          {match.spans.map((span, index) => (
            <li key={index}>
              <span className="tok-key mono">{span.by}</span>
              <span className="mono cut" title={span.text}>
                {span.text}
              </span>
              <span className="faint">
                {span.length ? plural(span.length, 'byte') : 'a place'} at {exact(match.offset + span.from)}
              </span>
            </li>
          ))}
        </ul>
      ) : null}
      {how === 'text' ? (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre className="code" tabIndex={0} aria-label={`${match.buffer} as text`}>
          {textRuns(bytes, match.spans).map((run, index) =>
            run.span >= 0 ? <mark key={index}>{run.text}</mark> : <span key={index}>{run.text}</span>,
          )}
        </pre>
      ) : (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div className="hex-rows mono" tabIndex={0} role="group" aria-label={`${match.buffer} as a hexdump`}>
          {parts.map((part, index) =>
            part.kind === 'gap' ? (
              <button key={index} type="button" className="hex-gap" onClick={() => setAll(true)}>
                {part.rows} rows in which nothing matched
              </button>
            ) : (
              <div key={part.row.offset} className="hex-row">
                <span className="faint">{part.row.offset.toString(16).padStart(6, '0')}</span>
                <span className="hex-bytes">{runs(part.row.cells, ' ', (cell) => cell.hex, width)}</span>
                <span className="hex-chars">{runs(part.row.cells, '', (cell) => cell.char, width)}</span>
              </div>
            ),
          )}
        </div>
      )}
    </section>
  );
}

type Cells = ReturnType<typeof hexRows>[number]['cells'];

/** Neighbours that matched become one mark, the gap between them too, so that they read as one. */
function runs(cells: Cells, gap: string, of: (cell: Cells[number]) => string, width: number) {
  const made: { span: number; text: string }[] = [];
  const put = (span: number, text: string) => {
    const last = made[made.length - 1];
    if (last && last.span === span) last.text += text;
    else if (text) made.push({ span, text });
  };
  cells.forEach((cell, i) => {
    if (i > 0) put(cells[i - 1]?.span === cell.span ? cell.span : -1, i === width / 2 ? gap + gap : gap);
    put(cell.span, of(cell));
  });
  return made.map((run, index) =>
    run.span >= 0 ? <mark key={index}>{run.text}</mark> : <span key={index}>{run.text}</span>,
  );
}
