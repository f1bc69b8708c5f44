// SPDX-License-Identifier: Apache-2.0

const SHORTEST = 3; // characters of a word that is worth a search
const MOST = 8; // words

/** The filter for the lines of a template: its longest fixed words must all occur. */
export function linesOf({ service, template }: { service: string; template: string }) {
  const words = template.split(' ').filter((word) => word !== '<*>' && word.length >= SHORTEST);
  return { service, text: [...new Set(words)].sort((a, b) => b.length - a.length).slice(0, MOST) };
}
