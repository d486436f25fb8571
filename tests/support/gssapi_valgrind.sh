#!/usr/bin/env bash
# gssapi_valgrind.sh PROGRAM [FILTER ...]: conformance of the gssapi backend under valgrind, on MIT
# krb5 and Heimdal. PROGRAM is what `cargo test -p conformance --test gssapi --no-run` builds. An
# invalid access fails, and so does memory that is lost, unless gssapi.supp says which library loses
# it and where.
#
# Without filters the tests that take every kind of handle: a minute. All of them, in some ten:
# `mit:: heimdal:: --skip broker::`.
set -euo pipefail

program=$(realpath "$1"); shift
cd "$(dirname "$0")/../conformance"
if [ $# -eq 0 ]; then
  for library in mit heimdal; do
    for test in required_and_absent rule_04_keys rule_09_tickets rule_15_delegated_inside \
      rule_15_delegated_in_dce_style rule_17_bindings \
      rule_20_three_legs rule_23_every_etype rule_24_ rule_25_ rule_28_hints rule_41_ \
      rule_42_a_changed supplied_credentials_replace; do
      set -- "$@" "$library::$test"
    done
  done
fi
# One thread: valgrind runs one at a time.
valgrind -q --error-exitcode=9 --num-callers=40 \
  --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
  --suppressions=../support/gssapi.supp "$program" --test-threads=1 "$@"
