// What Ratel did about an incident, each with its proof.
import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { action } from '@/api/queries';
import { ActionState, whatOf } from '@/parts/action';
import { Ago } from '@/parts/time';

/** More are a click away. */
const SHOWN = 8;

export function ActionsTaken({ ids }: { ids: string[] }) {
  const answers = useQueries({ queries: ids.slice(-SHOWN).map((id) => action(id)) });
  return (
    <section className="panel">
      <header>
        <h2>Actions taken</h2>
        <span className="end">{ids.length > SHOWN ? `the last ${SHOWN} of ${ids.length}` : null}</span>
      </header>
      <ul className="body inc-actions">
        {ids.length === 0 ? <li className="faint">None.</li> : null}
        {answers.map((answer, index) =>
          answer.data ? (
            <li key={answer.data.id}>
              <ActionState action={answer.data} />
              <Link to="/actions" search={{ id: answer.data.id }} className="cut">
                {whatOf(answer.data)}
              </Link>
              <span className="faint">
                <Ago time={answer.data.changed} />
              </span>
            </li>
          ) : (
            <li key={ids[index]} className="faint mono">
              {ids[index]}
            </li>
          ),
        )}
      </ul>
    </section>
  );
}
