// What came of a capture whose events are looked at: how much was in it, and what was left out of it and why.
import { useQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { capture as ask } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Capture } from '@/api/types';
import { exact, percent, plural } from '@/lib/numbers';
import { Tag, type Tone } from '@/parts/tag';
import { droppedFile, readCapture } from '@/shell/drop';

/** The capture that a query asks for alone. */
export const captureOf = (query: string): string =>
  /^ratel\.capture:"?([A-Za-z0-9_-]{1,64})"?$/.exec(query.trim())?.[1] ?? '';

const TONE: Record<Capture['state'], Tone> = {
  waiting: 'plain',
  reading: 'info',
  done: 'good',
  failed: 'bad',
};

/** Ratel remembers captures since its start; of an older one nothing is told here. */
export function useCapture(query: string): Capture | undefined {
  const id = captureOf(query);
  return useQuery({ ...ask(id), enabled: id !== '' }).data;
}

export function CaptureNote({ capture }: { capture: Capture }) {
  const may = useMay('analyst');
  const chooser = useRef<HTMLInputElement>(null);
  const { wrong_checksums: wrong, packets } = capture;
  function readAgain(): void {
    const file = droppedFile(capture.id);
    if (file) readCapture(file, 'none');
    else chooser.current?.click();
  }
  return (
    <section className="panel hunt-capture" aria-label="The capture">
      <div className="row">
        <b className="cut">{capture.name ?? capture.id}</b>
        <Tag tone={TONE[capture.state]}>{capture.state}</Tag>
        <span className="quiet">
          {plural(packets, 'packet')}, {plural(capture.events, 'event')}, {plural(capture.alerts, 'alert')}
        </span>
        {capture.checksums === 'none' ? <span className="faint">read without checking checksums</span> : null}
      </div>
      {capture.error ? (
        <p className="note-bad" role="alert">
          Not read to its end: {capture.error}
        </p>
      ) : null}
      {wrong > 0 ? (
        <div className="note-warn" role="status">
          <span>
            <b>
              {exact(wrong)} of {plural(packets, 'packet')} left out ({percent(wrong, packets)}):
            </b>{' '}
            their checksum is wrong. So are those of packets that a host recorded before its own network card
            finished them.
          </span>
          {may ? (
            <button type="button" className="btn btn-small" onClick={readAgain}>
              Read it without checking
            </button>
          ) : null}
          <input
            ref={chooser}
            type="file"
            className="sr"
            tabIndex={-1}
            aria-label="The capture once more"
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file) readCapture(file, 'none');
            }}
          />
        </div>
      ) : null}
    </section>
  );
}
