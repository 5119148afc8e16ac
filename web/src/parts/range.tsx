// A range of time: the last so long, or from one moment to another.
import * as Popover from '@radix-ui/react-popover';
import { useState } from 'react';
import { absolute, parseDuration, parseTime } from '@/lib/time';

export interface Range {
  since: string;
  until?: string;
}

const LAST = [
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['6h', 'Last 6 hours'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['all', 'All there is'],
] as const;

export function rangeName({ since, until }: Range): string {
  const known = LAST.find(([key]) => key === since);
  if (known && !until) return known[1];
  if (parseDuration(since) !== null && !until) return `Last ${since}`;
  const at = (text: string) =>
    parseDuration(text) === null ? absolute(parseTime(text), false) : `${text} ago`;
  return `${at(since)} – ${until ? at(until) : 'now'}`;
}

/** What a field for local times takes. */
function local(text: string | undefined): string {
  const ms = text ? parseTime(text) : NaN;
  return Number.isNaN(ms) ? '' : absolute(ms, false).replace(' ', 'T');
}

export function RangePicker({ range, onChange }: { range: Range; onChange: (range: Range) => void }) {
  const [open, setOpen] = useState(false);
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const choose = (next: Range) => {
    setOpen(false);
    onChange(next);
  };
  return (
    <Popover.Root
      open={open}
      onOpenChange={(next) => {
        setFrom(local(range.since));
        setTo(local(range.until));
        setOpen(next);
      }}
    >
      <Popover.Trigger className="btn">{rangeName(range)}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="menu range"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Time range"
        >
          {LAST.map(([key, name]) => (
            <button key={key} type="button" className="menu-item" onClick={() => choose({ since: key })}>
              {name}
              <span className="end mono">{key === 'all' ? '' : key}</span>
            </button>
          ))}
          <div className="menu-line" />
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const begin = new Date(from);
              if (Number.isNaN(begin.getTime())) return;
              const end = to ? new Date(to) : null;
              choose({ since: begin.toISOString(), until: end ? end.toISOString() : undefined });
            }}
          >
            <div className="field">
              <label htmlFor="range-from">From</label>
              <input
                id="range-from"
                className="input"
                type="datetime-local"
                step="1"
                required
                value={from}
                onChange={(event) => setFrom(event.target.value)}
              />
            </div>
            <div className="field">
              <label htmlFor="range-to">To (now where empty)</label>
              <input
                id="range-to"
                className="input"
                type="datetime-local"
                step="1"
                value={to}
                onChange={(event) => setTo(event.target.value)}
              />
            </div>
            <button type="submit" className="btn btn-primary">
              Use it
            </button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
