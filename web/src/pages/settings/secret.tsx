// A secret that is told once.
import { say } from '@/parts/toast';

export function Secret({ label, secret, onDone }: { label: string; secret: string; onDone: () => void }) {
  return (
    <div className="note-warn set-secret" role="status">
      <span>
        <b>{label}</b> It is shown this once.
        <br />
        <code>{secret}</code>
      </span>
      <button
        type="button"
        className="btn btn-small"
        onClick={() =>
          void navigator.clipboard
            ?.writeText(secret)
            .then(() => say('Copied.'))
            .catch(() => say('The browser does not let this page copy.', true))
        }
      >
        Copy
      </button>
      <button type="button" className="btn btn-small set-done" onClick={onDone}>
        I have it
      </button>
    </div>
  );
}
