// Why a model found a flow: what it said, and the features that counted.
import { at, text } from '@/lib/eve';
import type { Eve } from '@/api/types';

interface Part {
  name: string;
  value: string;
  usual: string;
  share: number;
}

function isPart(part: unknown): part is Part {
  if (!part || typeof part !== 'object') return false;
  const { name, value, usual, share } = part as Record<string, unknown>;
  return [name, value, usual].every((text) => typeof text === 'string') && typeof share === 'number';
}

/** What a model of flows said of this event; null where none did. */
export function findingOf(event: Eve) {
  const said = at(event, 'ratel.model');
  if (!said || typeof said !== 'object' || Array.isArray(said)) return null;
  const model = said as Record<string, unknown>;
  const amount = (key: string) => (typeof model[key] === 'number' ? model[key] : null);
  return {
    name: String(model.name ?? ''),
    probability: amount('probability'),
    threshold: amount('threshold'),
    window: amount('window'),
    parts: Array.isArray(model.features) ? model.features.filter(isPart) : [],
  };
}

export function ModelFinding({ event }: { event: Eve }) {
  const finding = findingOf(event);
  if (!finding) return null;
  const percent = (part: number | null) => (part === null ? '–' : `${(part * 100).toFixed(1)} %`);
  const most = Math.max(...finding.parts.map((part) => part.share), Number.MIN_VALUE);
  return (
    <section className="panel">
      <header>
        <h2>Why the model found it</h2>
        <span className="end">
          model {finding.name}
          {finding.window ? `, the host’s last ${finding.window} flows` : null}
        </span>
      </header>
      <div className="body">
        <p>
          <b>{percent(finding.probability)}</b> likely an attack; told from {percent(finding.threshold)} on.
        </p>
        {finding.parts.length ? (
          <table className="ev-model">
            <thead>
              <tr>
                <th>Feature</th>
                <th>Here</th>
                <th>Usually</th>
                <th>Counted</th>
              </tr>
            </thead>
            <tbody>
              {finding.parts.map((part) => (
                <tr key={part.name}>
                  <td>{part.name}</td>
                  <td className="mono">{part.value}</td>
                  <td className="mono">{part.usual}</td>
                  <td>
                    <meter
                      min={0}
                      max={most}
                      value={part.share}
                      aria-label={`${part.name} counted ${percent(part.share)}`}
                    />{' '}
                    {percent(part.share)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : null}
        <p className="quiet">{text(event, 'ratel.model.text')}</p>
      </div>
    </section>
  );
}
