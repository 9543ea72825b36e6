#!/usr/bin/env bash
# Installs the AWS CLI and kubectl for linux/amd64. Run as root while an image is built.
#
# Each download is compared with a checksum that stands here, so a changed file at the other end stops the build.
set -euo pipefail

# Minor of infra/catalog/eks.py, DEFAULT_VERSION. Checksum: kubernetes-sigs/kubespray at
# 46dbdd3994b32640bcd806b0097f50e8fdf1d514 (2026-08-21), roles/kubespray_defaults/vars/main/checksums.yml.
readonly kubectl_version=1.35.8
readonly kubectl_sha256=874d5e72dbb819f43cff16bcd1e4f8bac5b7f2361fe1e55049b0a6c676fb0cbf

# AWS publishes signatures, not checksums, of the AWS CLI; this one is what public installation scripts check against.
readonly awscli_version=2.36.11
readonly awscli_sha256=50fbb7a2f44a78eab4a210088040e8f0bc4b9937cac8043c2354269d58614df6

readonly prefix="${1:-/usr/local}"
work="$(mktemp --directory)"
trap 'rm -rf "${work}"' EXIT

# download URL SHA256 FILE
download() {
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 3 --output "$3" "$1"
  echo "$2  $3" | sha256sum --check --quiet
}

download "https://dl.k8s.io/release/v${kubectl_version}/bin/linux/amd64/kubectl" "${kubectl_sha256}" "${work}/kubectl"
install -D --mode=0755 "${work}/kubectl" "${prefix}/bin/kubectl"

download "https://awscli.amazonaws.com/awscli-exe-linux-x86_64-${awscli_version}.zip" "${awscli_sha256}" \
  "${work}/awscli.zip"
unzip -q "${work}/awscli.zip" -d "${work}"
# The Neuron base already has some version of it: --update replaces that.
"${work}/aws/install" --update --install-dir "${prefix}/aws-cli" --bin-dir "${prefix}/bin"
