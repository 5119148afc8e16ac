// One small chart of many: a row of bars without axes, for comparing shapes at a glance.
export function Spark({
  values,
  colour,
  height = 28,
  max,
  label,
}: {
  values: number[];
  colour: string;
  height?: number;
  max?: number;
  label: string;
}) {
  const top = Math.max(1, max ?? Math.max(...values, 1));
  const width = 100 / Math.max(1, values.length);
  return (
    <svg
      className="spark"
      viewBox={`0 0 100 ${height}`}
      height={height}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <line
        x1="0"
        x2="100"
        y1={height - 0.5}
        y2={height - 0.5}
        stroke="var(--line)"
        vectorEffect="non-scaling-stroke"
      />
      {values.map((value, i) =>
        value > 0 ? (
          <rect
            key={i}
            x={i * width}
            width={width * 0.82}
            y={height - Math.max(1.5, (value / top) * height)}
            height={Math.max(1.5, (value / top) * height)}
            fill={`var(${colour})`}
          />
        ) : null,
      )}
    </svg>
  );
}
