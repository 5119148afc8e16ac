// Closing asks why: the next who sees the same wants to know.
import { useState, type FormEvent } from 'react';
import { Dialog, DialogFoot } from '@/parts/dialog';
import { TextField } from '@/parts/field';

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
        <TextField label="Why" required value={why} onChange={setWhy} />
        <DialogFoot submit="Close" disabled={!why.trim()} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
