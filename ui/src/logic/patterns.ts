// SPDX-License-Identifier: Apache-2.0

export interface Pattern {
  text: string;
  count: number;
  example: number; // place of the first such line
  levels: Map<string, number>;
}

const VARIABLE =
  /0x[0-9a-f]+|\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b|\b[0-9a-f]{12,}\b|"[^"]*"|'[^']*'|\d+(?:[.:]\d+)*/gi;

/** Lines that differ in numbers, ids and quoted words only are one pattern; the most frequent first. */
export function patternsOf(lines: { body: string; level: string }[]): Pattern[] {
  const found = new Map<string, Pattern>();
  lines.forEach(({ body, level }, i) => {
    const text = body.slice(0, 300).replace(VARIABLE, '…');
    const pattern = found.get(text) ?? { text, count: 0, example: i, levels: new Map() };
    pattern.count++;
    pattern.levels.set(level, (pattern.levels.get(level) ?? 0) + 1);
    found.set(text, pattern);
  });
  return [...found.values()].sort((a, b) => b.count - a.count);
}
