// Rules held against a capture before they are held against traffic.
import { useMutation } from '@tanstack/react-query';
import { useState, type DragEvent } from 'react';
import { call } from '@/api/client';
import type { Capture, Eve, RuleTest } from '@/api/types';
import { end, matchesOf, severityOf, text } from '@/lib/eve';
import { exact, plural } from '@/lib/numbers';
import { Hexdump } from '@/pages/event/hexdump';
import '@/pages/event/event.css';
import { Dialog } from '@/parts/dialog';
import { SeverityMark } from '@/parts/severity';
import { explain } from '@/parts/states';

const EXAMPLE =
  'alert http any any -> any any (msg:"A request for /etc/passwd"; http.uri; content:"/etc/passwd"; sid:1000001; rev:1;)';

export function RuleTestDialog({ onClose }: { onClose: () => void }) {
  const [rules, setRules] = useState(EXAMPLE);
  const [file, setFile] = useState<File | null>(null);
  const [over, setOver] = useState(false);
  const test = useMutation({
    mutationFn: (checksums: Capture['checksums']) => {
      const form = new FormData();
      if (file) form.set('capture', file);
      form.set('rules', rules);
      return call<RuleTest>('POST', 'rules/test', { body: form, query: { checksums } });
    },
  });
  function onDrop(event: DragEvent): void {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    setFile(event.dataTransfer.files[0] ?? null);
  }
  return (
    <Dialog open wide title="Test rules against a capture" onClose={onClose}>
      <form
        className="act-form"
        onSubmit={(event) => {
          event.preventDefault();
          test.mutate('all');
        }}
      >
        <div className="field">
          <label htmlFor="test-rules">Rules, one on a line</label>
          <textarea
            id="test-rules"
            className="input mono rules-text"
            rows={5}
            spellCheck={false}
            required
            value={rules}
            onChange={(event) => setRules(event.target.value)}
          />
        </div>
        <label
          className={`rules-drop${over ? ' is-over' : ''}`}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={onDrop}
        >
          <input
            type="file"
            className="sr"
            aria-label="Capture"
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
          />
          {file ? (
            <span>
              <b>{file.name}</b>, {exact(Math.ceil(file.size / 1024))} KiB
            </span>
          ) : (
            <span className="quiet">Drop a capture here, or choose one</span>
          )}
        </label>
        <footer className="row">
          <button type="submit" className="btn btn-primary" disabled={!file || test.isPending}>
            {test.isPending ? 'Reading…' : 'Test'}
          </button>
        </footer>
      </form>
      {test.error ? (
        <p className="note-bad" role="alert">
          {explain(test.error).detail || explain(test.error).title}
        </p>
      ) : null}
      {test.data ? <Result result={test.data} onUnchecked={() => test.mutate('none')} /> : null}
    </Dialog>
  );
}

function Result({ result, onUnchecked }: { result: RuleTest; onUnchecked: () => void }) {
  return (
    <section className="act-form" role="status">
      <p>
        <b>{plural(result.total, 'alert')}</b> of {plural(result.loaded, 'rule')} in{' '}
        {plural(result.packets, 'packet')}, {exact(result.took_ms)} ms.
      </p>
      {result.error ? <p className="note-warn">{result.error}</p> : null}
      {result.wrong_checksums > 0 ? (
        <div className="note-warn">
          <span>{plural(result.wrong_checksums, 'packet')} left out: their checksum is wrong.</span>
          <button type="button" className="btn btn-small" onClick={onUnchecked}>
            Test without checking
          </button>
        </div>
      ) : null}
      {result.refused.map((refused) => (
        <p key={`${refused.line}:${refused.column}`} className="note-bad">
          Line {refused.line}, column {refused.column}: {refused.reason}
        </p>
      ))}
      {result.alerts.slice(0, 20).map((alert, index) => (
        <Alert key={index} alert={alert} />
      ))}
    </section>
  );
}

function Alert({ alert }: { alert: Eve }) {
  return (
    <div className="rules-alert">
      <p className="ev-what">
        <SeverityMark severity={severityOf(alert) ?? 'informational'} short />
        <b className="cut">{text(alert, 'alert.signature')}</b>
        <span className="mono quiet cut">
          {end(alert, 'src')} → {end(alert, 'dest')}
        </span>
      </p>
      {matchesOf(alert).map((match, index) => (
        <Hexdump key={index} match={match} />
      ))}
    </div>
  );
}
