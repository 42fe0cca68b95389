#!/usr/bin/env bash
# The schema as an editor shows it: hovers, completions and diagnostics of yaml-language-server, from npm.
# Skipped with a note if npm or the package is not available.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
version=1.19.2
folder=$root/target/editor-$version
server=$folder/node_modules/yaml-language-server/bin/yaml-language-server
if [ ! -e "$server" ]; then
  command -v npm >/dev/null || { echo "skipped: npm is not installed" >&2; exit 0; }
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-audit --no-fund --silent "yaml-language-server@$version" >&2 ||
    { echo "skipped: yaml-language-server could not be installed" >&2; exit 0; }
fi
exec node "$root/schema/editor.mjs" "$server" "$root/schema/cachectl.schema.json" "$root"/specs/*.yaml
