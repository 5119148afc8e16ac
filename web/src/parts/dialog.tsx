// A dialog over the page. Without Radix' own overlay: that one writes a style element, which the policy forbids.
import * as Radix from '@radix-ui/react-dialog';
import type { ReactNode } from 'react';
import { Icon } from './icons';

/** What ends a dialog's form. */
export function DialogFoot({
  submit,
  disabled,
  onCancel,
}: {
  submit: string;
  disabled: boolean;
  onCancel: () => void;
}) {
  return (
    <footer>
      <button type="button" className="btn" onClick={onCancel}>
        Cancel
      </button>
      <button type="submit" className="btn btn-primary" disabled={disabled}>
        {submit}
      </button>
    </footer>
  );
}

export function Dialog({
  open,
  onClose,
  title,
  wide = false,
  children,
}: {
  open: boolean;
  onClose: () => void;
  title: string;
  wide?: boolean;
  children: ReactNode;
}) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <div className="veil" aria-hidden="true" />
        <Radix.Content className={`dialog${wide ? ' dialog-wide' : ''}`} aria-describedby={undefined}>
          <header>
            <Radix.Title asChild>
              <h2>{title}</h2>
            </Radix.Title>
            <Radix.Close className="btn btn-plain btn-icon" aria-label="Close">
              <Icon name="close" />
            </Radix.Close>
          </header>
          <div className="inside">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
