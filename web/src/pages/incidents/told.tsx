// Who was told of the incident, and who is yet to be.
import type { Step } from '@/api/types';
import { Ago } from '@/parts/time';

export function Told({ steps }: { steps: Step[] }) {
  const told = steps.filter((step) => step.kind === 'notification');
  return (
    <section className="panel">
      <header>
        <h2>Who was told</h2>
      </header>
      <div className="body">
        {told.length ? (
          <ul className="inc-told">
            {told.map((step) => (
              <li key={`${step.ref}${step.time}`}>
                <span>{step.text}</span>
                <span className="faint">
                  <Ago time={step.time} />
                </span>
              </li>
            ))}
          </ul>
        ) : (
          <p className="faint">Nobody yet: no route led to a receiver.</p>
        )}
      </div>
    </section>
  );
}
