// A capture dropped anywhere: sent, read by the engine, then shown like live traffic.
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useCallback, useEffect, useState } from 'react';
import { upload } from '@/api/client';
import { capture } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Capture } from '@/api/types';
import { plural } from '@/lib/numbers';
import { complain, say } from '@/parts/toast';

type Job = { file: File; state: 'sending'; share: number } | { file: File; state: 'reading'; id: string };

let begin: ((file: File, checksums: Capture['checksums']) => void) | null = null;

/** Files that can be read once more, by the name of their capture: the last few, they are not copies. */
const dropped = new Map<string, File>();
const MAX_DROPPED = 8;

/** For buttons that open a file instead. */
export function readCapture(file: File, checksums: Capture['checksums'] = 'all'): void {
  begin?.(file, checksums);
}

/** The file that a capture was made of, as long as the page lives. */
export const droppedFile = (id: string): File | undefined => dropped.get(id);

const carriesFiles = (event: DragEvent) => [...(event.dataTransfer?.types ?? [])].includes('Files');

export function DropCapture() {
  const may = useMay('analyst');
  const [over, setOver] = useState(false);
  const [job, setJob] = useState<Job | null>(null);

  const start = useCallback((file: File, checksums: Capture['checksums']) => {
    setJob({ file, state: 'sending', share: 0 });
    upload<Capture>('captures', file, { checksums }, (share) =>
      setJob((old) => (old?.state === 'sending' ? { ...old, share } : old)),
    )
      .then(({ id }) => {
        dropped.set(id, file);
        for (const old of [...dropped.keys()].slice(0, -MAX_DROPPED)) dropped.delete(old);
        setJob({ file, state: 'reading', id });
      })
      .catch((error: unknown) => {
        setJob(null);
        complain(error);
      });
  }, []);

  useEffect(() => {
    begin = start;
    return () => {
      begin = null;
    };
  }, [start]);

  useEffect(() => {
    if (!may) return;
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = () => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const hover = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      // Some places take a file themselves.
      if (event.defaultPrevented || !carriesFiles(event)) return;
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) start(file, 'all');
    };
    const all = { dragenter: enter, dragleave: leave, dragover: hover, drop } as const;
    for (const [name, listener] of Object.entries(all))
      window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(all))
        window.removeEventListener(name, listener as EventListener);
    };
  }, [may, start]);

  return (
    <>
      {over ? (
        <div className="drop-veil">
          <strong>Drop a capture</strong>
          <span className="quiet">pcap or pcapng: the engine reads it with the rules in force</span>
        </div>
      ) : null}
      {job ? <Progress job={job} onEnd={() => setJob(null)} /> : null}
    </>
  );
}

function Progress({ job, onEnd }: { job: Job; onEnd: () => void }) {
  const navigate = useNavigate();
  const id = job.state === 'reading' ? job.id : '';
  const { data, error } = useQuery({ ...capture(id), enabled: id !== '' });
  useEffect(() => {
    if (error) {
      complain(error);
      onEnd();
    } else if (data?.state === 'failed') {
      say(`${job.file.name} could not be read: ${data.error ?? 'no reason was told'}`, true);
      onEnd();
    } else if (data?.state === 'done') {
      // The page that it leads to tells what was found.
      onEnd();
      // A capture may be of any time.
      void navigate({ to: '/hunt', search: { q: data.query ?? `ratel.capture:${id}`, since: 'all' } });
    }
  }, [data, error, id, job.file.name, navigate, onEnd]);
  return (
    <div className="drop-job" role="status">
      <div className="row">
        <strong className="cut">{job.file.name}</strong>
        <span className="quiet">
          {job.state === 'sending'
            ? `sent ${Math.round(job.share * 100)} %`
            : data
              ? `${plural(data.packets, 'packet')}, ${plural(data.alerts, 'alert')}`
              : 'waiting for the engine'}
        </span>
      </div>
      <div className="progress">
        <i style={{ width: `${job.state === 'sending' ? job.share * 60 : 80}%` }} />
      </div>
    </div>
  );
}
