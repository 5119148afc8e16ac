// Everything by name: pages, things by their id or address, orders, or the words as a hunt.
import * as Radix from '@radix-ui/react-dialog';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState, type KeyboardEvent } from 'react';
import { savedQueries } from '@/api/queries';
import { logout } from '@/api/session';
import { PAGES } from './pages';
import { readCapture } from './drop';
import { isDark, setTheme } from './theme';

interface Command {
  name: string;
  hint?: string;
  run: () => void;
}

const isAddress = (text: string) =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text) || (text.includes(':') && /^[0-9a-f:.]+$/i.test(text));

/** Letters in order, near each other first; null where they are not there. */
export function score(name: string, typed: string): number | null {
  const haystack = name.toLowerCase();
  const at = haystack.indexOf(typed.toLowerCase());
  if (at >= 0) return at === 0 ? 0 : 1;
  let from = 0;
  for (const letter of typed.toLowerCase().replace(/\s/g, '')) {
    from = haystack.indexOf(letter, from) + 1;
    if (from === 0) return null;
  }
  return 2;
}

function chooseCapture(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.pcap,.pcapng,.cap,.zst,.gz';
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) readCapture(file);
  };
  input.click();
}

export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const saved = useQuery(savedQueries()).data;
  const words = typed.trim();

  const found = useMemo(() => {
    const all: Command[] = [
      ...PAGES.map((page) => ({
        name: page.name,
        hint: `g ${page.key}`,
        run: () => void navigate({ to: page.to }),
      })),
      ...(saved ?? []).map((query) => ({
        name: `Saved: ${query.name}`,
        hint: query.query,
        run: () => void navigate({ to: '/hunt', search: { q: query.query } }),
      })),
      { name: 'Block an address…', run: () => void navigate({ to: '/actions', search: { id: 'new' } }) },
      { name: 'Read a capture…', run: chooseCapture },
      { name: 'Silences', run: () => void navigate({ to: '/settings', search: { tab: 'silences' } }) },
      { name: 'Receivers', run: () => void navigate({ to: '/settings', search: { tab: 'receivers' } }) },
      { name: 'Switch between light and dark', run: () => setTheme(isDark() ? 'light' : 'dark') },
      { name: 'Keys', hint: '?', run: onHelp },
      { name: 'Log out', run: () => void logout() },
    ];
    const direct: Command[] = [];
    if (isAddress(words))
      direct.push({
        name: `Host ${words}`,
        run: () => void navigate({ to: '/hosts/one', search: { ip: words } }),
      });
    if (/^i[0-9a-f]{16}$/.test(words))
      direct.push({
        name: `Incident ${words}`,
        run: () => void navigate({ to: '/incidents/$id', params: { id: words } }),
      });
    if (/^\d{4,}$/.test(words))
      direct.push({
        name: `Rule ${words}`,
        run: () => void navigate({ to: '/rules', search: { sid: words } }),
      });
    const named = words
      ? all
          .map((command) => [command, score(command.name, words)] as const)
          .filter((pair): pair is [Command, number] => pair[1] !== null)
          .sort((a, b) => a[1] - b[1])
          .map(([command]) => command)
      : all;
    const hunt: Command[] = words
      ? [
          {
            name: `Hunt for ${words}`,
            hint: 'query',
            run: () => void navigate({ to: '/hunt', search: { q: words } }),
          },
        ]
      : [];
    return [...direct, ...named, ...hunt];
  }, [words, saved, navigate, onHelp]);

  const chosen = Math.min(at, found.length - 1);
  const run = (command: Command | undefined) => {
    onClose();
    command?.run();
  };
  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = (chosen + step + found.length) % found.length;
      setAt(next);
      document.getElementById(`command-${next}`)?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(found[chosen]);
    }
  }
  return (
    <Radix.Root open onOpenChange={(open) => !open && onClose()}>
      <Radix.Portal>
        <div className="veil" aria-hidden="true" />
        <Radix.Content className="dialog palette" aria-describedby={undefined}>
          <Radix.Title className="sr">Search or go to</Radix.Title>
          <input
            role="combobox"
            aria-expanded="true"
            aria-controls="commands"
            aria-activedescendant={found.length ? `command-${chosen}` : undefined}
            aria-label="A page, an address, an incident, a rule, a query"
            placeholder="A page, an address, an incident, a rule, a query"
            value={typed}
            spellCheck={false}
            onChange={(event) => {
              setTyped(event.target.value);
              setAt(0);
            }}
            onKeyDown={onKeyDown}
          />
          <ul id="commands" role="listbox" aria-label="Commands">
            {found.map((command, index) => (
              // The keyboard goes through the field above.
              // eslint-disable-next-line jsx-a11y/click-events-have-key-events
              <li
                key={command.name}
                id={`command-${index}`}
                role="option"
                aria-selected={index === chosen}
                className="menu-item"
                onClick={() => run(command)}
              >
                <span className="cut">{command.name}</span>
                {command.hint ? <span className="end cut">{command.hint}</span> : null}
              </li>
            ))}
          </ul>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
