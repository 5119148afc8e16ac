// Closing asks why: the next who sees the same wants to know.
import { useState, type FormEvent } from 'react';
import { Dialog } from '@/parts/dialog';

const REASONS = ['Dealt with', 'False alarm', 'Known and accepted', 'Test'];

export function CloseDialog({ onClose, onSubmit }: { onClose: () => void; onSubmit: (why: string) => void }) {
  const [why, setWhy] = useState('');
  return (
    <Dialog open title="Close the incident" onClose={onClose}>
      <form
        className="sil"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          onSubmit(why.trim());
        }}
      >
        <div className="row">
          {REASONS.map((reason) => (
            <button key={reason} type="button" className="btn btn-small" onClick={() => setWhy(reason)}>
              {reason}
            </button>
          ))}
        </div>
        <div className="field">
          <label htmlFor="close-why">Why</label>
          <input
            id="close-why"
            className="input"
            required
            value={why}
            onChange={(event) => setWhy(event.target.value)}
          />
        </div>
        <footer>
          <button type="button" className="btn" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="btn btn-primary" disabled={!why.trim()}>
            Close
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
