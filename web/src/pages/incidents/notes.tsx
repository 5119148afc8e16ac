// What people wrote about an incident.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { post } from '@/api/client';
import type { Note } from '@/api/types';
import { Ago } from '@/parts/time';
import { complain } from '@/parts/toast';

export function Notes({ id, notes, may }: { id: string; notes: Note[]; may: boolean }) {
  const cache = useQueryClient();
  const [text, setText] = useState('');
  const write = useMutation({
    mutationFn: () => post(`incidents/${id}/notes`, { text: text.trim() }),
    onSuccess: () => {
      setText('');
      return cache.invalidateQueries({ queryKey: ['incident', id] });
    },
    onError: complain,
  });
  function submit(event?: FormEvent): void {
    event?.preventDefault();
    if (text.trim()) write.mutate();
  }
  return (
    <section className="panel">
      <header>
        <h2>Notes</h2>
      </header>
      <div className="body inc-notes">
        {notes.length === 0 ? <p className="faint">None yet.</p> : null}
        {notes.map((note) => (
          <article key={note.id}>
            <p className="faint">
              <b>{note.author}</b>, <Ago time={note.time} />
            </p>
            <p className="inc-note">{note.text}</p>
          </article>
        ))}
        {may ? (
          <form onSubmit={submit}>
            <label className="sr" htmlFor="note">
              A note
            </label>
            <textarea
              id="note"
              className="input"
              rows={2}
              placeholder="What did you find? Ctrl Enter writes it."
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit();
              }}
            />
            <button type="submit" className="btn btn-small" disabled={!text.trim() || write.isPending}>
              Write the note
            </button>
          </form>
        ) : null}
      </div>
    </section>
  );
}
