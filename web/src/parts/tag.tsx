// A state in one word, coloured by whether it is good.
import type { ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'plain';

export function Tag({
  tone = 'plain',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ReactNode;
}) {
  return (
    <span className={`tag${tone === 'plain' ? '' : ` tag-${tone}`}`} title={title}>
      {children}
    </span>
  );
}

export const words = (name: string): string => name.replace(/_/g, ' ');
