// What was found as a file: whole records, or the columns that are shown.
import { useState } from 'react';
import { get } from '@/api/client';
import type { Span } from '@/api/queries';
import type { Events, Hit } from '@/api/types';
import { end, summary, text } from '@/lib/eve';
import { exact } from '@/lib/numbers';
import { Icon } from '@/parts/icons';
import { Menu, MenuItem } from '@/parts/menu';
import { complain, say } from '@/parts/toast';

/** More than that is a job for `ratel search`, which keeps nothing in a browser's memory. */
const MAX = 100_000;
const PAGE = 1000;

async function collect(span: Span): Promise<Hit[]> {
  const list: Hit[] = [];
  let cursor: string | undefined;
  do {
    const page = await get<Events>('events', { ...span, limit: PAGE, cursor });
    list.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor && list.length < MAX);
  return list.slice(0, MAX);
}

/** A cell that neither breaks the row nor starts a formula in a spreadsheet. */
export function csvCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

function columnOf(hit: Hit, name: string): string {
  if (name === 'time') return hit.time;
  if (name === 'summary') return summary(hit.event);
  if (name === 'src' || name === 'dest') return end(hit.event, name);
  return text(hit.event, name);
}

function save(content: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function ExportMenu({ span, names }: { span: Span; names: string[] }) {
  const [busy, setBusy] = useState(false);
  async function run(kind: 'json' | 'csv'): Promise<void> {
    setBusy(true);
    try {
      const list = await collect(span);
      if (kind === 'json')
        save(
          list.map((hit) => JSON.stringify(hit.event) + '\n').join(''),
          'events.json',
          'application/x-ndjson',
        );
      else {
        const rows = [names, ...list.map((hit) => names.map((name) => columnOf(hit, name)))];
        save(rows.map((row) => row.map(csvCell).join(',') + '\r\n').join(''), 'events.csv', 'text/csv');
      }
      say(
        list.length === MAX
          ? `The first ${exact(MAX)} events are saved; ratel search saves all.`
          : `${exact(list.length)} events are saved.`,
      );
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Menu
      label="Export"
      trigger={
        <>
          <Icon name="download" size={14} /> {busy ? 'Exporting…' : 'Export'}
        </>
      }
    >
      <MenuItem onSelect={() => void run('json')} disabled={busy}>
        Records, one JSON a line
      </MenuItem>
      <MenuItem onSelect={() => void run('csv')} disabled={busy}>
        Columns as CSV
      </MenuItem>
    </Menu>
  );
}
