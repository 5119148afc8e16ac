// Tables of any length: only what is seen is drawn; more is asked for near the end.
import {
  flexRender,
  getCoreRowModel,
  useReactTable,
  type ColumnDef,
  type RowData,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useKeys } from '@/shell/keys';
import { useNarrow } from './media';

declare module '@tanstack/react-table' {
  // What a column says about its place beside what it shows.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface ColumnMeta<TData extends RowData, TValue> {
    width?: string;
    num?: boolean;
  }
}

export interface TableProps<T> {
  label: string;
  rows: T[];
  columns: ColumnDef<T>[];
  id: (row: T) => string;
  /** What a row opens; rows are then reachable with the keyboard. */
  onOpen?: (row: T) => void;
  onEnd?: () => void;
  total?: number;
  rowHeight?: number;
  /** How a row looks where columns have no room. */
  narrow?: (row: T) => ReactNode;
  narrowHeight?: number;
  empty?: ReactNode;
  /** j and k walk this table. */
  main?: boolean;
  isFresh?: (row: T) => boolean;
  className?: string;
  onRowFocus?: (row: T) => void;
}

/** What the columns need at least, in pixels: narrower, the table scrolls sideways. */
export function minWidth(template: string): number {
  const columns = template.match(/minmax\([^)]*\)|\d+px/g) ?? [];
  return columns.reduce((sum, column) => sum + Number(/\d+/.exec(column)?.[0] ?? 0), 0);
}

/** Rows that are asked for before their turn. */
const AHEAD = 30;

export function Table<T>(props: TableProps<T>) {
  const { rows, columns, id, onOpen, onEnd, rowHeight = 32, narrow, narrowHeight = 58 } = props;
  const isNarrow = useNarrow() && narrow !== undefined;
  const box = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const height = isNarrow ? narrowHeight : rowHeight;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : id(row);
    },
    overscan: 12,
  });
  useEffect(() => virtual.measure(), [virtual, height]);
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - AHEAD) onEnd?.();
  }, [last, rows.length, onEnd]);
  // Only rows that are drawn are made: of twenty thousand each new page would else make all anew.
  const drawn = useMemo(() => items.flatMap((item) => rows[item.index] ?? []), [items, rows]);
  const table = useReactTable({
    data: drawn,
    columns,
    getCoreRowModel: getCoreRowModel(),
    getRowId: id,
    autoResetAll: false,
  });
  const list = table.getRowModel().rows;

  const template = table
    .getVisibleLeafColumns()
    .map((column) => column.columnDef.meta?.width ?? 'minmax(90px, 1fr)')
    .join(' ');

  const width = isNarrow ? undefined : minWidth(template);

  const move = useCallback(
    (to: number) => {
      const index = Math.max(0, Math.min(rows.length - 1, to));
      setActive(index);
      virtual.scrollToIndex(index);
      // The row may not be drawn before the next frame.
      requestAnimationFrame(() =>
        requestAnimationFrame(() =>
          box.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus(),
        ),
      );
    },
    [rows.length, virtual],
  );
  const inside = () => box.current?.contains(document.activeElement) ?? false;
  useKeys(
    props.main && onOpen && rows.length > 0
      ? { j: () => move(inside() ? active + 1 : active), k: () => move(inside() ? active - 1 : active) }
      : {},
  );

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>, index: number): void {
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? height) / height) - 1);
    const row = rows[index];
    const to: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: rows.length - 1,
    };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      move(next);
    } else if (event.key === 'Enter' && row !== undefined) onOpen?.(row);
  }

  return (
    <div
      ref={box}
      className={`grid ${props.className ?? ''}`}
      role="table"
      aria-label={props.label}
      aria-rowcount={(props.total ?? rows.length) + 1}
      // A region that scrolls must be reachable without a mouse.
      tabIndex={onOpen && rows.length ? undefined : 0}
    >
      {isNarrow ? null : (
        <div role="rowgroup" className="grid-head-group" style={{ minWidth: width }}>
          <div className="grid-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
            {table.getFlatHeaders().map((header) => (
              <div
                key={header.id}
                role="columnheader"
                className={header.column.columnDef.meta?.num ? 'num' : undefined}
              >
                {flexRender(header.column.columnDef.header, header.getContext())}
              </div>
            ))}
          </div>
        </div>
      )}
      <div className="grid-body" role="rowgroup" style={{ height: virtual.getTotalSize(), minWidth: width }}>
        {items.map((item, place) => {
          const row = list[place];
          if (!row) return null;
          return (
            <div
              key={item.key}
              role="row"
              data-index={item.index}
              aria-rowindex={item.index + 2}
              tabIndex={onOpen ? (item.index === active ? 0 : -1) : undefined}
              className={`grid-row${onOpen ? ' is-link' : ''}${props.isFresh?.(row.original) ? ' is-fresh' : ''}`}
              style={{
                transform: `translateY(${item.start}px)`,
                height,
                gridTemplateColumns: isNarrow ? 'minmax(0, 1fr)' : template,
              }}
              onClick={onOpen ? () => onOpen(row.original) : undefined}
              onFocus={() => {
                setActive(item.index);
                props.onRowFocus?.(row.original);
              }}
              onKeyDown={onOpen ? (event) => onKeyDown(event, item.index) : undefined}
            >
              {isNarrow ? (
                <div role="cell">{narrow(row.original)}</div>
              ) : (
                row.getVisibleCells().map((cell) => (
                  <div
                    key={cell.id}
                    role="cell"
                    className={cell.column.columnDef.meta?.num ? 'num' : undefined}
                  >
                    {flexRender(cell.column.columnDef.cell, cell.getContext())}
                  </div>
                ))
              )}
            </div>
          );
        })}
      </div>
      {rows.length === 0 ? props.empty : null}
    </div>
  );
}
