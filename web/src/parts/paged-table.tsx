// A table of what the API gives page by page: more is asked for near its end.
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Page } from '@/api/types';
import { Failed, Loading } from './states';
import { Table, type TableProps } from './table';

type Answer<T> = UseInfiniteQueryResult<InfiniteData<Page<T>>>;

/** All rows that were asked for so far. */
export function useRows<T>(answer: Answer<T>): T[] {
  return useMemo(() => answer.data?.pages.flatMap((page) => page.items) ?? [], [answer.data]);
}

export function PagedTable<T>({
  answer,
  most = Infinity,
  ...table
}: Omit<TableProps<T>, 'onEnd'> & {
  answer: Answer<T>;
  /** Beyond so many rows no more are asked for. */
  most?: number;
}) {
  const { rows } = table;
  if (answer.isPending) return <Loading />;
  if (answer.error && rows.length === 0)
    return <Failed error={answer.error} retry={() => void answer.refetch()} />;
  return (
    <Table
      {...table}
      onEnd={() => {
        if (answer.hasNextPage && !answer.isFetchingNextPage && rows.length < most)
          void answer.fetchNextPage();
      }}
    />
  );
}
