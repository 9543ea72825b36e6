#!/usr/bin/env bash
# install_packages.sh PYTHON REQUIREMENTS [PIP OPTION...]: adds pinned packages to the environment of PYTHON.
#
# Nothing that is there may change: packages.py compares the environment before and after.
set -euo pipefail

python="$1"
requirements="$2"
shift 2
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
before="$(mktemp)"
trap 'rm -f "${before}"' EXIT

"${python}" -m ensurepip > /dev/null
"${python}" "${here}/packages.py" record "${before}"
# kfp-server-api is published as source only; without isolation its build downloads nothing.
"${python}" -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
  --no-deps --require-hashes --only-binary=:all: --no-binary=kfp-server-api --no-build-isolation \
  --requirement "${requirements}" "$@"
"${python}" "${here}/packages.py" verify "${before}" "${requirements}"
