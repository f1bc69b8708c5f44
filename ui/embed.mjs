// SPDX-License-Identifier: Apache-2.0
// node embed.mjs FOLDER FILE: writes the built page into FILE, a C++ source (clew/api/clew/page_files.h).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 40) {
    const line = [...bytes.subarray(at, at + 40)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`);
    lines.push(`"${line.join('')}"`);
  }
  return lines.join('\n');
}

const [folder, file] = process.argv.slice(2);
const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort();
const rows = paths.map((path) => {
  const type = TYPES[extname(path)];
  if (!type) throw new Error(`${path}: embed.mjs knows no content type for it`);
  const bytes = gzipSync(readFileSync(path), { level: 9 });
  const name = relative(folder, path).split(sep).join('/');
  return `{"${name}", "${type}", std::string_view(\n${literal(bytes)}, ${bytes.length})},`;
});
writeFileSync(
  file,
  `// Written by ui/embed.mjs.
#include "clew/api/clew/page_files.h"

namespace clew::api::clew_api {
namespace {
const PageFile kFiles[] = {
${rows.join('\n')}
};
}  // namespace
const std::span<const PageFile> kPageFiles(kFiles);
}  // namespace clew::api::clew_api
`,
);
