// Who is told, how far each outbox is, and a test that sends for real.
import { useQuery } from '@tanstack/react-query';
import { post } from '@/api/client';
import { receivers } from '@/api/queries';
import { useMay } from '@/api/session';
import type { Receiver, ReceiverTest } from '@/api/types';
import { exact } from '@/lib/numbers';
import { useChange } from '@/parts/change';
import { Ask } from '@/parts/states';
import { Tag } from '@/parts/tag';
import { Ago } from '@/parts/time';
import { say } from '@/parts/toast';

export function ReceiverList() {
  const answer = useQuery(receivers());
  return (
    <section className="panel">
      <header>
        <h2>Receivers</h2>
      </header>
      <Ask
        of={answer}
        empty={(list) =>
          list.length ? null : (
            <p className="body faint">
              None is set: nobody is told. Receivers stand in the configuration under alert.receivers.
            </p>
          )
        }
      >
        {(list) => (
          <ul className="body health-receivers">
            {list.map((receiver) => (
              <Row key={receiver.name} receiver={receiver} />
            ))}
          </ul>
        )}
      </Ask>
    </section>
  );
}

function Row({ receiver }: { receiver: Receiver }) {
  const may = useMay('responder');
  const test = useChange(
    'receivers',
    () => post<ReceiverTest>(`receivers/${encodeURIComponent(receiver.name)}/test`),
    (answer) =>
      say(
        answer.delivered
          ? `${receiver.name} took it in ${exact(answer.took_ms)} ms.`
          : `${receiver.name}: ${answer.detail}`,
        !answer.delivered,
      ),
  );
  return (
    <li>
      <div className="row">
        <b>{receiver.name}</b>
        <span className="faint">{receiver.kind}</span>
        <Tag tone={receiver.healthy ? 'good' : 'bad'}>{receiver.healthy ? 'delivers' : 'fails'}</Tag>
        {may ? (
          <button
            type="button"
            className="btn btn-small health-test"
            disabled={test.isPending}
            onClick={() => test.mutate(undefined)}
          >
            {test.isPending ? 'Sending…' : 'Test'}
          </button>
        ) : null}
      </div>
      <p className="quiet">
        {exact(receiver.delivered)} delivered
        {receiver.last_delivery ? (
          <>
            , the last <Ago time={receiver.last_delivery} />
          </>
        ) : null}
        {receiver.pending ? <b>, {exact(receiver.pending)} waiting</b> : null}
      </p>
      {receiver.last_error && !receiver.healthy ? <p className="health-bad">{receiver.last_error}</p> : null}
    </li>
  );
}
