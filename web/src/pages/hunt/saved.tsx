// Queries that were worth keeping.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call, post } from '@/api/client';
import { savedQueries } from '@/api/queries';
import { useMay } from '@/api/session';
import { Dialog, DialogFoot } from '@/parts/dialog';
import { TextField } from '@/parts/field';
import { Menu, MenuHead, MenuItem, MenuLine } from '@/parts/menu';
import { complain, say } from '@/parts/toast';

export function SavedMenu({ query, onOpen }: { query: string; onOpen: (query: string) => void }) {
  const cache = useQueryClient();
  const may = useMay('analyst');
  const [saving, setSaving] = useState(false);
  const list = useQuery(savedQueries()).data ?? [];
  const again = () => cache.invalidateQueries({ queryKey: ['queries'] });
  const remove = useMutation({
    mutationFn: (id: string) => call('DELETE', `queries/${encodeURIComponent(id)}`),
    onSuccess: again,
    onError: complain,
  });
  const current = list.find((saved) => saved.query === query);
  return (
    <>
      <Menu trigger="Saved">
        {list.length === 0 ? <MenuHead>No query is saved yet</MenuHead> : null}
        {list.map((saved) => (
          <MenuItem key={saved.id} onSelect={() => onOpen(saved.query)}>
            {saved.name}
          </MenuItem>
        ))}
        {may ? (
          <>
            <MenuLine />
            <MenuItem onSelect={() => setSaving(true)} disabled={!query || Boolean(current)}>
              Save this query…
            </MenuItem>
            {current ? (
              <MenuItem onSelect={() => remove.mutate(current.id)}>Forget “{current.name}”</MenuItem>
            ) : null}
          </>
        ) : null}
      </Menu>
      {saving ? (
        <SaveDialog
          query={query}
          onClose={() => setSaving(false)}
          onSaved={() => {
            setSaving(false);
            say('The query is saved.');
            void again();
          }}
        />
      ) : null}
    </>
  );
}

function SaveDialog({
  query,
  onClose,
  onSaved,
}: {
  query: string;
  onClose: () => void;
  onSaved: () => void;
}) {
  const [name, setName] = useState('');
  const save = useMutation({
    mutationFn: () => post('queries', { name: name.trim(), query }),
    onSuccess: onSaved,
    onError: complain,
  });
  return (
    <Dialog open title="Save this query" onClose={onClose}>
      <form
        className="hunt-save"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <pre className="code">{query}</pre>
        <TextField label="Name" required maxLength={100} value={name} onChange={setName} />
        <DialogFoot submit="Save" disabled={!name.trim() || save.isPending} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
