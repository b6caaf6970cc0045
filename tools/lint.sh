#!/bin/bash
# Formatting, the rules of the tree (tools/check_tree.py), and every public header compiled alone.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0
sources=$(git ls-files --cached --others --exclude-standard 'crank/*.h' 'crank/*.cc' 'examples/*.h' 'examples/*.cc' \
  'tests/*.h' 'tests/*.cc' 'bench/*.h' 'bench/*.cc' | grep -vE '/generated/|compile_fail/')
echo "$sources" | xargs -r -P"$(nproc)" -n20 clang-format-22 --dry-run -Werror 2>&1 | grep -E 'error:' | head -20
[ "${PIPESTATUS[1]}" = 0 ] || { echo "lint: not formatted; \`make format\` does it"; status=1; }
python3 tools/check_tree.py || status=1
tools/build.sh debug crank_headers_alone || status=1
exit $status
