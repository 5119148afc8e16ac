// A menu behind a button. Not modal: a modal one writes a style element, which the policy forbids.
import * as Radix from '@radix-ui/react-dropdown-menu';
import type { ReactNode } from 'react';

export function Menu({
  label,
  trigger,
  children,
  className = 'btn',
}: {
  label?: string;
  trigger: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger className={className} aria-label={label}>
        {trigger}
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className="menu" align="end" sideOffset={4} collisionPadding={8}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export function MenuItem({
  onSelect,
  children,
  end,
  disabled,
}: {
  onSelect: () => void;
  children: ReactNode;
  end?: ReactNode;
  disabled?: boolean;
}) {
  return (
    <Radix.Item className="menu-item" onSelect={onSelect} disabled={disabled}>
      {children}
      {end ? <span className="end">{end}</span> : null}
    </Radix.Item>
  );
}

export function MenuCheck({
  checked,
  onChange,
  children,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}) {
  return (
    <Radix.CheckboxItem
      className="menu-item"
      checked={checked}
      onCheckedChange={onChange}
      onSelect={(event) => event.preventDefault()}
    >
      <span className="mono" aria-hidden="true">
        {checked ? '✓' : '\u00a0'}
      </span>
      {children}
    </Radix.CheckboxItem>
  );
}

export const MenuLine = () => <Radix.Separator className="menu-line" />;
export const MenuHead = ({ children }: { children: ReactNode }) => (
  <Radix.Label className="menu-head">{children}</Radix.Label>
);
