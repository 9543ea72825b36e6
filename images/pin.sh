#!/usr/bin/env bash
# Resolves the Python packages of the notebook images again, and writes their requirements.txt.
#
#   images/pin.sh [UV]     UV: the uv to use; .venv/bin/uv by default
#
# A package that the base image has (base.txt) is held at that version and left out of the result: an image adds, it
# never replaces. Each image prefers the versions of the one before it, so that they differ only where their bases do.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
uv="${1:-${here}/../.venv/bin/uv}"
uv="$(command -v "${uv}")" || { echo "pin.sh: no uv at ${1:-.venv/bin/uv}" >&2; exit 2; }
uv="$(cd "$(dirname "${uv}")" && pwd)/$(basename "${uv}")"
cd "${here}"

names() { sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' "$1"; }

# compile SOURCE RESULT [OPTION...]: RESULT, if it is there, says which versions to prefer.
compile() {
  local source="$1" result="$2"
  shift 2
  "${uv}" pip compile --quiet "${source}" --output-file "${result}" --excludes common/excludes.txt \
    --python-version 3.12 --python-platform x86_64-manylinux_2_28 \
    --generate-hashes --no-emit-index-url --no-annotate --no-header "$@"
}

# around IMAGE: compile an image's requirements around what its base holds.
around() {
  local held=() name
  while read -r name; do held+=(--no-emit-package "${name}"); done < <(names "$1/base.txt")
  compile "$1/requirements.in" "$1/requirements.txt" --constraints "$1/base.txt" "${held[@]}"
}

rm -f notebook-gpu/requirements.txt
around notebook-gpu

cp notebook-gpu/requirements.txt notebook-cpu/requirements.txt
around notebook-cpu

# Neuron's framework pins protobuf and numpy far below what the SDKs need: they get an environment of their own.
cat notebook-cpu/base.txt notebook-cpu/requirements.txt > notebook-neuron/requirements.txt
compile notebook-neuron/requirements.in notebook-neuron/requirements.txt
for part in build kernel; do
  cp notebook-neuron/requirements.txt "notebook-neuron/${part}.txt"
  compile "notebook-neuron/${part}.in" "notebook-neuron/${part}.txt"
done
