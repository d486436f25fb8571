#!/usr/bin/env bash
# instructions.sh [--commit]: how many instructions an accept and a message take, against
# benches/instructions/baseline.txt. More than 3 % more fails; --commit writes the new numbers.
#
# Callgrind counts, so the machine's load does not matter. It knows no SHA instructions, so the
# hash functions run in their portable form there: their own instructions are left out, and what
# is counted is all the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."

baseline=benches/instructions/baseline.txt
scratch=$(mktemp -d "${log:-${TMPDIR:-/tmp}}/instructions.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

cargo build -q --release -p instructions --message-format=json >"$scratch/build"
program=$(sed -n 's/.*"executable":"\([^"]*\/instructions\)".*/\1/p' "$scratch/build")
[ -x "$program" ] || { echo "no program 'instructions' was built"; exit 1; }

for work in accept-raw accept-spnego-mutual wrap-64 wrap-16384; do
  for count in 50 250; do
    valgrind --tool=callgrind --callgrind-out-file="$scratch/$work.$count" \
      "$program" "$work" "$count" >"$scratch/output" 2>&1 || { cat "$scratch/output"; exit 1; }
  done
done

python3 - "$scratch" "$baseline" "${1-}" <<'PYTHON'
import re, sys

scratch, baseline, mode = sys.argv[1:]


def instructions(path):
    """Of all functions, without what they call and without the hash functions."""
    names, total, function, inclusive = {}, 0, "", False
    for line in open(path):
        if line.startswith("fn="):
            number, _, name = line[3:].strip().partition(" ")
            function = names.setdefault(number, name) if name else names[number]
        elif line.startswith("cfn="):
            number, _, name = line[4:].strip().partition(" ")
            if name:
                names.setdefault(number, name)
        elif line.startswith("calls="):
            inclusive = True
        elif re.match(r"[0-9+*-]", line):
            if not inclusive and not re.search(r"sha[12]::.*compress", function):
                total += int(line.split()[1])
            inclusive = False
    return total


known = dict(line.split() for line in open(baseline) if line.strip() and line[0] != "#")
failed, lines = False, []
for work in ["accept-raw", "accept-spnego-mutual", "wrap-64", "wrap-16384"]:
    few, many = (instructions(f"{scratch}/{work}.{count}") for count in (50, 250))
    each = round((many - few) / 200)
    lines.append(f"{work} {each}")
    before = int(known.get(work, each))
    more = 100 * (each - before) / before
    print(f"{work}: {each} instructions, {more:+.1f} % of {before}")
    failed |= more > 3
if mode == "--commit":
    head = [line for line in open(baseline) if line[0] == "#"]
    open(baseline, "w").write("".join(head) + "\n".join(lines) + "\n")
elif failed:
    sys.exit("more than 3 % more: make it less, or say why and run tests/support/instructions.sh --commit")
PYTHON
