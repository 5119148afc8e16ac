// One thing of a list, beside the list.
import type { ReactNode } from 'react';
import { Icon } from './icons';

export function SidePanel({
  label,
  title,
  onClose,
  children,
}: {
  label: string;
  title: string;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <aside className="panel act-panel" aria-label={label}>
      <header>
        <h2 className="mono">{title}</h2>
        <span className="end">
          <button type="button" className="btn btn-plain btn-icon" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </span>
      </header>
      <div className="body">{children}</div>
    </aside>
  );
}
