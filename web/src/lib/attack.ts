// MITRE ATT&CK's tactics in the order of an attack (enterprise matrix).
export const TACTICS: readonly (readonly [string, string])[] = [
  ['TA0043', 'Reconnaissance'],
  ['TA0042', 'Resource Development'],
  ['TA0001', 'Initial Access'],
  ['TA0002', 'Execution'],
  ['TA0003', 'Persistence'],
  ['TA0004', 'Privilege Escalation'],
  ['TA0005', 'Defense Evasion'],
  ['TA0006', 'Credential Access'],
  ['TA0007', 'Discovery'],
  ['TA0008', 'Lateral Movement'],
  ['TA0009', 'Collection'],
  ['TA0011', 'Command and Control'],
  ['TA0010', 'Exfiltration'],
  ['TA0040', 'Impact'],
];

const PLACE = new Map(TACTICS.map(([id], index) => [id, index]));

/** Its place in the order; what is not of the matrix stands last. */
export const placeOf = (id: string): number => PLACE.get(id) ?? TACTICS.length;
export const nameOf = (id: string): string => TACTICS[placeOf(id)]?.[1] ?? id;
