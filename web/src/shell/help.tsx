// Which keys there are.
import { Dialog } from '@/parts/dialog';
import { PAGES } from './pages';

const ANYWHERE: [string, string[]][] = [
  ['Search or go to', ['Ctrl', 'K']],
  ['Search on this page', ['/']],
  ['This list', ['?']],
  ['Close what is open', ['Esc']],
];
const LISTS: [string, string[]][] = [
  ['Next, previous row', ['j', 'k']],
  ['Open', ['Enter']],
  ['First, last row', ['Home', 'End']],
];
const INCIDENT: [string, string[]][] = [
  ['Own it', ['o']],
  ['Write a note', ['n']],
  ['Silence', ['s']],
  ['Close it', ['c']],
  ['Back to the list', ['u']],
];

function List({ title, keys }: { title: string; keys: [string, string[]][] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {keys.map(([what, pressed]) => (
          <div key={what} style={{ display: 'contents' }}>
            <dt>{what}</dt>
            <dd>
              {pressed.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open title="Keys" onClose={onClose} wide>
      <div className="keys">
        <List title="Anywhere" keys={ANYWHERE} />
        <List title="Go to" keys={PAGES.map((page) => [page.name, ['g', page.key]])} />
        <List title="Lists" keys={LISTS} />
        <List title="An incident" keys={INCIDENT} />
      </div>
    </Dialog>
  );
}
