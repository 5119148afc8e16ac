// Whether what is seen is kept in time, and for how much longer there is room.
import { useQuery } from '@tanstack/react-query';
import { storage } from '@/api/queries';
import type { Room, Storage } from '@/api/types';
import { bytes, exact, percent, plural, short } from '@/lib/numbers';
import { Ask } from '@/parts/states';
import { Tag, type Tone } from '@/parts/tag';
import { Ago } from '@/parts/time';

/** A reader that is further behind than this is worth a look. */
const BEHIND = 10_000;

export function StoragePanels() {
  const answer = useQuery(storage());
  return (
    <Ask of={answer}>
      {(data) => (
        <>
          <Rooms data={data} />
          <Readers data={data} />
        </>
      )}
    </Ask>
  );
}

/** How much of each disk is taken: by Ratel, by all else, and what is left. */
function Rooms({ data }: { data: Storage }) {
  const { events } = data;
  return (
    <section className="panel">
      <header>
        <h2>Room on disk</h2>
        {events ? (
          <span className="end">
            {short(events.events)} events
            {events.oldest ? (
              <>
                , the first <Ago time={events.oldest} />
              </>
            ) : null}
          </span>
        ) : null}
      </header>
      <div className="body">
        {events?.scarce ? (
          <p className="note-warn" role="alert">
            {events.scarce}
          </p>
        ) : null}
        {disks(data.rooms).map((rooms) => (
          <Disk key={rooms[0]?.folder} rooms={rooms} />
        ))}
        {events && events.bytes > 0 && events.events > 0 ? (
          <p className="faint health-fit">
            Events take {exact(events.bytes / events.events)} bytes each,{' '}
            {(events.bytes_in / events.bytes).toFixed(1)} times less than they came with.
          </p>
        ) : null}
      </div>
    </section>
  );
}

/** Folders that are on one disk. */
export function disks(rooms: Room[]): Room[][] {
  const known = new Map<string, Room[]>();
  for (const room of rooms) known.set(room.disk, [...(known.get(room.disk) ?? []), room]);
  return [...known.values()];
}

export const roomTone = (free: number, size: number): Tone =>
  free < size / 50 ? 'bad' : free < size / 10 ? 'warn' : 'good';

function Disk({ rooms }: { rooms: Room[] }) {
  const size = rooms[0]?.size ?? 0;
  const free = Math.min(...rooms.map((room) => room.free));
  const own = rooms.reduce((sum, room) => sum + room.used, 0);
  const share = (part: number) => (size ? (100 * part) / size : 0);
  return (
    <div className="health-rooms">
      <span className="health-room">
        <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
          <rect className="health-room-taken" width={share(size - free)} height="6" />
          <rect
            className={`health-room-own is-${roomTone(free, size)}`}
            width={Math.max(share(own), 0.6)}
            height="6"
          />
        </svg>
        <span>
          <b>{bytes(free)}</b> of {bytes(size)} free ({percent(free, size)}), Ratel has {bytes(own)}
        </span>
      </span>
      <ul>
        {rooms.map((room) => (
          <li key={room.what}>
            <span>{room.what}</span>
            <span className="mono faint cut" title={room.folder}>
              {room.folder}
            </span>
            <span className="num">{bytes(room.used)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Readers({ data }: { data: Storage }) {
  const most = Math.max(BEHIND, ...data.readers.map((reader) => reader.behind));
  const sum = data.readers.reduce((all, reader) => all + reader.behind, 0);
  return (
    <section className="panel">
      <header>
        <h2>Readers of the bus</h2>
        <span className="end">{sum ? `${plural(sum, 'record')} to be read` : 'all are up to date'}</span>
      </header>
      {data.readers.length ? (
        <ol className="body bars">
          {data.readers.map((reader) => (
            <li key={`${reader.group}/${reader.topic}`}>
              <span className="bar" style={{ width: `${(100 * reader.behind) / most}%` }} />
              <b>{reader.group}</b>
              <span className="faint cut">{reader.topic}</span>
              <span className="num">
                {reader.behind > BEHIND ? (
                  <Tag tone="warn">{exact(reader.behind)} behind</Tag>
                ) : (
                  exact(reader.behind)
                )}
              </span>
            </li>
          ))}
        </ol>
      ) : (
        <p className="body faint">The bus is Kafka: its own tools tell how far each group is.</p>
      )}
    </section>
  );
}
