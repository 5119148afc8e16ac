// A change of something that is listed: what goes wrong is said, and the list is asked again however it went.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { complain } from './toast';

export function useChange<Asked, Made>(
  list: string,
  change: (asked: Asked) => Promise<Made>,
  done: (made: Made) => void,
) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: done,
    onError: complain,
    onSettled: () => cache.invalidateQueries({ queryKey: [list] }),
  });
}
