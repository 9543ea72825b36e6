#!/usr/bin/env bash
# Starts JupyterLab the way Kubeflow's notebook controller expects it: port 8888, below NB_PREFIX, no login of its own.
#
# The login is in front of the pod (Istio and the platform's ALB), and the dashboard shows the notebook in a frame of
# another path: hence no token, and any origin. Arguments are added to those of `jupyter lab`.
#
# `jupyterhub-singleuser ...` as arguments: a server of JupyterHub, which asks its hub who may come in.
#
# NOTEBOOK_ACCELERATOR, set by the image, says what the framework expects: nvidia, neuron or none. Where no device of
# that kind works, the framework is told to use the CPU, so that the same image starts on any node.
set -euo pipefail

say() { echo "notebook: $*" >&2; }

die() {
  say "$*"
  exit 1
}

# broken COMMAND... : why COMMAND does not show a working device; nothing where it does.
broken() {
  local code=0
  command -v "$1" > /dev/null || { echo "there is no $1"; return; }
  # A driver that hangs must not keep the notebook from starting.
  timeout --kill-after=5 30 "$@" > /dev/null 2>&1 || code=$?
  case "${code}" in
    0) ;;
    124 | 137) echo "$1 did not answer in 30 seconds" ;;
    *) echo "$1 failed with exit code ${code}" ;;
  esac
}

# missing KIND: why no device of this kind can be used; nothing where one can.
missing() {
  local devices="${NOTEBOOK_DEVICES:-/dev}"
  case "$1" in
    nvidia)
      compgen -G "${devices}/nvidia[0-9]*" > /dev/null || { echo "there is no ${devices}/nvidia*"; return; }
      broken nvidia-smi --list-gpus
      ;;
    neuron)
      compgen -G "${devices}/neuron[0-9]*" > /dev/null || { echo "there is no ${devices}/neuron*"; return; }
      broken neuron-ls
      ;;
  esac
}

accelerator="${NOTEBOOK_ACCELERATOR:-none}"
case "${accelerator}" in
  nvidia) cpu=(CUDA_VISIBLE_DEVICES= JAX_PLATFORMS=cpu) ;;
  neuron) cpu=(PJRT_DEVICE=CPU JAX_PLATFORMS=cpu) ;;
  none) cpu=() ;;
  *) die "NOTEBOOK_ACCELERATOR is '${accelerator}'; it must be nvidia, neuron or none" ;;
esac
why="$(missing "${accelerator}")"
if [[ -n "${why}" ]]; then
  export "${cpu[@]}"
  say "no ${accelerator} device works (${why}); using the CPU: ${cpu[*]}"
fi

prefix="${NB_PREFIX:-/}"
[[ "${prefix}" == /* ]] || die "NB_PREFIX is '${prefix}'; it must start with /"
: "${HOME:?notebook: HOME is not set}"
[[ -d "${HOME}" && -w "${HOME}" ]] || die "${HOME} is not a folder that user $(id -u), group $(id -g) can write to"

# The home is a volume that outlives the pod and may be shared: sockets and connection files do not belong there.
JUPYTER_RUNTIME_DIR="$(mktemp --directory --tmpdir jupyter-runtime-XXXXXX)"
XDG_RUNTIME_DIR="$(mktemp --directory --tmpdir runtime-XXXXXX)"
export JUPYTER_RUNTIME_DIR XDG_RUNTIME_DIR

cd "${HOME}"
if [[ "${1:-}" == jupyterhub-singleuser ]]; then
  exec "$@"
fi
exec jupyter lab \
  --no-browser \
  --ServerApp.ip=0.0.0.0 \
  --ServerApp.port=8888 \
  --ServerApp.port_retries=0 \
  --ServerApp.root_dir="${HOME}" \
  --ServerApp.base_url="${prefix}" \
  --IdentityProvider.token= \
  --PasswordIdentityProvider.hashed_password= \
  --ServerApp.allow_origin='*' \
  --ServerApp.allow_remote_access=True \
  --ServerApp.authenticate_prometheus=False \
  "$@"
