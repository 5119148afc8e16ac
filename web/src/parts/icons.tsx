// The icons, drawn on one 16-pixel grid with one stroke. Always beside a word or a label.
import type { ReactNode } from 'react';

const PATHS = {
  overview: <path d="M2.500 9.500h3l2-6 2.500 9 1.500-4h2" />,
  incidents: <path d="M8 2.500 14 13H2zM8 6.500v3M8 11.200v.1" />,
  hunt: (
    <>
      <circle cx="7" cy="7" r="4.200" />
      <path d="m10.200 10.200 3.300 3.300" />
    </>
  ),
  hosts: (
    <>
      <circle cx="8" cy="3.800" r="1.800" />
      <circle cx="3.800" cy="12" r="1.800" />
      <circle cx="12.200" cy="12" r="1.800" />
      <path d="M7.200 5.400 4.600 10.400M8.800 5.400l2.600 5M5.600 12h4.800" />
    </>
  ),
  actions: <path d="M8 2 13 4v4c0 3-2 5-5 6.200C5 13 3 11 3 8V4zM5.800 8l1.600 1.600 3-3.200" />,
  rules: <path d="M3.500 2.500h9v11h-9zM5.500 5.500h5M5.500 8h5M5.500 10.500h3" />,
  health: <path d="M8 13.200 3 8.300a3 3 0 0 1 4.300-4.200L8 4.800l.7-.7A3 3 0 0 1 13 8.300z" />,
  settings: (
    <>
      <path d="M2.500 4.500h6M11.500 4.500h2M2.500 11.500h2M7.500 11.500h6" />
      <circle cx="10" cy="4.500" r="1.500" />
      <circle cx="6" cy="11.500" r="1.500" />
    </>
  ),
  sun: (
    <>
      <circle cx="8" cy="8" r="2.800" />
      <path d="M8 1.500v1.600M8 12.900v1.600M1.500 8h1.600M12.900 8h1.600M3.400 3.400l1.100 1.100M11.500 11.500l1.100 1.100M12.600 3.400l-1.100 1.100M4.500 11.500l-1.100 1.100" />
    </>
  ),
  moon: <path d="M13 9.600A5.600 5.600 0 0 1 6.400 3a5.300 5.300 0 1 0 6.600 6.600z" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  more: <path d="M3.500 8h.1M8 8h.1M12.500 8h.1" />,
  download: <path d="M8 2.500v7M5 7l3 3 3-3M3 13h10" />,
  plus: <path d="M8 3v10M3 8h10" />,
  minus: <path d="M3 8h10" />,
  user: (
    <>
      <circle cx="8" cy="5.500" r="2.500" />
      <path d="M3 13.500c.6-2.600 2.500-4 5-4s4.400 1.400 5 4" />
    </>
  ),
  columns: <path d="M2.500 3.500h11v9h-11zM6.200 3.500v9M9.800 3.500v9" />,
  right: <path d="m6 3.500 4.500 4.500L6 12.500" />,
  left: <path d="M10 3.500 5.500 8l4.500 4.500" />,
  link: (
    <path d="M6.500 9.500l3-3M7 4.500l1.200-1.200a2.900 2.900 0 0 1 4.100 4.100L11 8.700M9 11.500l-1.200 1.200a2.900 2.900 0 0 1-4.100-4.100L5 7.300" />
  ),
  bell: <path d="M4 11V7.500a4 4 0 0 1 8 0V11l1 1H3zM6.800 14h2.400M2.500 2.500l11 11" />,
  copy: <path d="M5.500 5.500v-3h8v8h-3M2.500 5.500h8v8h-8z" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.350"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {PATHS[name]}
    </svg>
  );
}
