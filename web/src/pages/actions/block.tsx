// Blocking by hand: whom, for how long, why. What is protected is refused, and the refusal is shown here.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { order } from '@/api/client';
import type { Ordered } from '@/api/types';
import { Dialog, DialogFoot } from '@/parts/dialog';
import { TextField } from '@/parts/field';
import { Segments } from '@/parts/segments';
import { explain } from '@/parts/states';
import { say } from '@/parts/toast';

const LENGTHS = [
  ['900', '15 min'],
  ['3600', '1 h'],
  ['86400', '1 d'],
  ['604800', '7 d'],
] as const;

export function BlockDialog({
  target: first,
  onClose,
  onDone,
}: {
  target: string;
  onClose: () => void;
  onDone: (action: string | undefined) => void;
}) {
  const [target, setTarget] = useState(first);
  const [secs, setSecs] = useState<string>('3600');
  const [why, setWhy] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const block = useMutation({
    mutationFn: () =>
      order<Ordered>('POST', 'blocks', { target: target.trim(), ttl_secs: Number(secs), why: why.trim() }),
    onMutate: () => setRefusal(null),
    onSuccess: (answer) => {
      const made = answer.actions[0];
      const refused = answer.actions.find((action) => action.state === 'refused');
      if (refused) return setRefusal(refused.cause ?? 'It is protected.');
      say(answer.note ?? (made ? `${made.target ?? target} is blocked.` : 'The order is under way.'));
      onDone(made?.id);
    },
    onError: (error) => {
      const { title, detail } = explain(error);
      setRefusal(detail || title);
    },
  });
  return (
    <Dialog open title="Block an address" onClose={onClose}>
      <form
        className="act-form"
        onSubmit={(event) => {
          event.preventDefault();
          block.mutate();
        }}
      >
        <TextField
          label="Address or network"
          mono
          required
          spellCheck={false}
          autoCapitalize="none"
          placeholder="192.0.2.1 or 198.51.100.0/24"
          value={target}
          aria-invalid={refusal !== null}
          aria-describedby={refusal ? 'block-refusal' : undefined}
          onChange={setTarget}
        />
        <div className="field">
          <span className="label">For how long</span>
          <Segments label="For how long" value={secs} choices={LENGTHS} onChange={setSecs} />
        </div>
        <TextField
          label="Why"
          required
          maxLength={1024}
          value={why}
          onChange={setWhy}
          hint="It stands in the audit log beside your name."
        />
        {refusal ? (
          <p id="block-refusal" className="note-bad" role="alert">
            <span>
              <b>Not blocked.</b> {refusal}
            </span>
          </p>
        ) : null}
        <DialogFoot
          submit={block.isPending ? 'Blocking…' : 'Block'}
          disabled={block.isPending || !target.trim() || !why.trim()}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
